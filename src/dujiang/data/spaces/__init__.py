"""Data spaces: offers and agreements, and the enforcement of what they allow."""
