"""Backups that are proven: source → repository → catalog → restore → drill. Imports nothing of opsctl.

back_up(source, repository, …)   a snapshot, listed only when it is whole
restore(snapshot, …)             files under their own names, every byte checked
verify(repository)               every chunk and every catalog entry read and checked
drill(repository, checks, …)     restore into scratch, business checks, measured RPO and RTO
"""
