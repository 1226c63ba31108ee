"""When and what is backed up and drilled: the policy document and the work in the background."""
