"""Members of one alerting service: who is there, and the records that they share."""
