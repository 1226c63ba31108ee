"""What can be booked: categories, services, and each provider's offerings; listing and search."""
