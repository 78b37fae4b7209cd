"""Vouchers for compute and model tokens: programmes, grants, and the double-entry ledger that they are spent through."""
