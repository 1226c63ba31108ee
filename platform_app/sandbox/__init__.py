"""Stand-ins on loopback for the platform's third parties: WeChat Pay, SMS, chat robots, phones."""
