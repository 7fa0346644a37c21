"""What is likely to go wrong, said before it does: of a mask and its picture, of folders of both, of training data.

`examine` looks at a picture and a mask in memory, `examine_pair` and `examine_pairs` at files, `examine_data` at a
folder to train on. All return a list of `Finding`; nothing is changed on disk.
"""

from latentinpaint.doctor.data_checks import examine_data
from latentinpaint.doctor.findings import ArgumentNames, Finding, FindingCode, Severity, report, summary
from latentinpaint.doctor.mask_checks import examine
from latentinpaint.doctor.pairs import examine_pair, examine_pairs

__all__ = [
    "ArgumentNames",
    "Finding",
    "FindingCode",
    "Severity",
    "examine",
    "examine_data",
    "examine_pair",
    "examine_pairs",
    "report",
    "summary",
]
