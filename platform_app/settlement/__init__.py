"""Settlement: the double-entry ledger, what providers earn and withdraw, and the channels' bills against our books."""
