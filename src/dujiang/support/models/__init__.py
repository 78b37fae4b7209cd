"""What support keeps: facts and papers, the white list, special bonds, landmark scenarios, supply and demand."""

from dujiang.support.models.bonds import BondPayment, BondProject, BondStep, Built
from dujiang.support.models.exchange import Introduction, Need, Offer
from dujiang.support.models.facts import Paper, Profile
from dujiang.support.models.landmarks import Assignment, Call, Clawback, Instalment, Interest, Landmark
from dujiang.support.models.whitelist import Bank, Consent, Listing, Loan

__all__ = [
    "Assignment", "Bank", "BondPayment", "BondProject", "BondStep", "Built", "Call", "Clawback", "Consent", "Instalment",
    "Interest", "Introduction", "Landmark", "Listing", "Loan", "Need", "Offer", "Paper", "Profile",
]  # fmt: skip
