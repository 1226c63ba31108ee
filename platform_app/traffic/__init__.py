"""Made-up customers and providers who use the public API at a set rate."""
