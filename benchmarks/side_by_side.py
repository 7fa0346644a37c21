"""Pictures in one sheet, as in docs/recipes.md: rows of `--across`, each as high as the highest of its row.

python benchmarks/side_by_side.py runs/moons/{samples,variance,trajectories}.png --across 3 --output docs/moons.png
"""

import argparse

from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--across", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--gap", type=int, default=8)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    opened = [Image.open(path).convert("RGB") for path in options.pictures]
    rows = [opened[n : n + options.across] for n in range(0, len(opened), options.across)]
    width = max(sum(p.width + options.gap for p in row) for row in rows) - options.gap
    sheet = Image.new("RGB", (width, sum(max(p.height for p in row) for row in rows)), "white")
    top = 0
    for row in rows:
        left = 0
        for picture in row:
            sheet.paste(picture, (left, top))
            left += picture.width + options.gap
        top += max(p.height for p in row)
    size = tuple(round(side * options.scale) for side in sheet.size)
    sheet.resize(size, Image.Resampling.LANCZOS).save(options.output)


if __name__ == "__main__":
    main()
