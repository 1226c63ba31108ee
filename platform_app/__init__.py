"""The patient: a home-services (家政) booking platform of several processes. Imports nothing of the shell."""
