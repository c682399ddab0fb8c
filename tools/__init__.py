"""Programs that maintain the repository, run by hand or by make; no part of the package."""
