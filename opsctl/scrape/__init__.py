"""Scraping: targets and in-process collectors → samples."""
