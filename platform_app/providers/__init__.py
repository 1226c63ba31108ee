"""Those who do the work: their public profile and what they have done."""
