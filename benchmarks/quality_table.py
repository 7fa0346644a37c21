"""One Markdown table of several `metrics.json` files that `evaluate` wrote for the same pictures and holes.

    python benchmarks/quality_table.py report/ffc report/flow
    python benchmarks/quality_table.py report/ffc report/plain --pair latent_ffc plain --pair latent_ffc telea

A pair is compared picture by picture: the mean difference, its standard error, and on how many pictures the first is
better.
"""

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

COLUMNS = {
    "psnr_hole": ("PSNR hole ↑", "{:.2f}"),
    "lpips_squeeze_hole": ("LPIPS hole ↓", "{:.4f}"),
    "ssim_hole": ("SSIM hole ↑", "{:.4f}"),
    "l1_hole": ("L1 hole ↓", "{:.4f}"),
    "psnr": ("PSNR ↑", "{:.2f}"),
    "lpips_squeeze": ("LPIPS ↓", "{:.4f}"),
    "ssim": ("SSIM ↑", "{:.4f}"),
    "l1": ("L1 ↓", "{:.4f}"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", help="folders with a metrics.json each")
    parser.add_argument("--pair", nargs=2, action="append", default=[], metavar="METHOD", help="compare two methods")
    options = parser.parse_args()
    reports = [json.loads((Path(folder) / "metrics.json").read_text()) for folder in options.reports]
    protocols = {(r["settings"]["images"], r["settings"]["masks"]) for r in reports}
    if len(protocols) > 1:
        parser.error(f"the reports judged different pictures or holes: {sorted(protocols)}")
    rows = {name: row for report in reports for name, row in report["methods"].items()}
    print("| method |", " | ".join(title for title, _ in COLUMNS.values()), "| seconds |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for row in rows.values():
        figures = [form.format(row["mean"].get(key) or float("nan")) for key, (_, form) in COLUMNS.items()]
        print(f"| {row['label']} |", " | ".join(figures), f"| {row['seconds_median']:.3f} |")
    for first, second in options.pair:
        for name in (first, second):
            if name not in rows:
                parser.error(f"there is no method '{name}' in the reports: choose from {'; '.join(rows)}")
        print(f"\n{first} less {second}:")
        compare(rows[first], rows[second])


def compare(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Print the paired differences of two rows."""
    for key in ("psnr_hole", "lpips_squeeze_hole", "ssim_hole"):
        pairs = zip(first["pictures"], second["pictures"], strict=True)
        values = [(a.get(key), b.get(key)) for a, b in pairs]
        differences = [a - b for a, b in values if a is not None and b is not None]
        if len(differences) > 1:
            title, _ = COLUMNS[key]
            better = sum(d > 0 if title.endswith("↑") else d < 0 for d in differences)
            error = statistics.stdev(differences) / math.sqrt(len(differences))
            mean = statistics.mean(differences)
            print(f"- {title}: {mean:+.4f} ± {error:.4f}, better on {better} of {len(differences)} pictures")


if __name__ == "__main__":
    main()
