"""In-app messages: what customers and providers are told, from the other services' events."""
