"""Rules of balancing side by side: trained alike, tested once, told in a page and a table."""
