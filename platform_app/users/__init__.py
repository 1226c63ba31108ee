"""People: login by phone and SMS code, who they are, on which days they came."""
