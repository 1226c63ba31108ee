"""The one door: routes by path, trace, limits, the merged API document, the landing page."""
