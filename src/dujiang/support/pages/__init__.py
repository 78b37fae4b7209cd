"""The pages of support, for enterprises, banks, experts and the office."""

from dujiang.support.pages.bonds import bond, bonds
from dujiang.support.pages.exchange import exchange, need, offer
from dujiang.support.pages.facts import home, paper, what_if
from dujiang.support.pages.landmarks import call, landmark, landmarks, reviews
from dujiang.support.pages.whitelist import lending, listing, white_list

__all__ = [
    "bond", "bonds", "call", "exchange", "home", "landmark", "landmarks", "lending", "listing", "need", "offer", "paper",
    "reviews", "what_if", "white_list",
]  # fmt: skip
