"""One Markdown table of several `metrics.json` files that `evaluate` wrote for the same pictures and holes.

python benchmarks/quality_table.py report/ffc report/flow
"""

import argparse
import json
from pathlib import Path

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
    reports = [json.loads((Path(folder) / "metrics.json").read_text()) for folder in parser.parse_args().reports]
    protocols = {(r["settings"]["images"], r["settings"]["masks"]) for r in reports}
    if len(protocols) > 1:
        parser.error(f"the reports judged different pictures or holes: {sorted(protocols)}")
    print("| method |", " | ".join(title for title, _ in COLUMNS.values()), "| seconds |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    rows = {name: row for report in reports for name, row in report["methods"].items()}
    for row in rows.values():
        figures = [form.format(row["mean"].get(key) or float("nan")) for key, (_, form) in COLUMNS.items()]
        print(f"| {row['label']} |", " | ".join(figures), f"| {row['seconds_median']:.3f} |")


if __name__ == "__main__":
    main()
