#!/usr/bin/env bash
# Pictures of a report for docs/: tools/screenshots.sh REPORT.html. Needs chromium.
set -euo pipefail
page="file://$(realpath "$1")"
docs="$(dirname "$0")/../docs"
shoot() { # name width height colour scheme (0 dark, 1 light)
  chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --window-size="$2,$3" \
    --blink-settings=preferredColorScheme="$4" --run-all-compositor-stages-before-draw --virtual-time-budget=10000 --screenshot="$docs/$1.png" "$page" 2>/dev/null
}
shoot report-light 1440 1900 1
shoot report-dark 1440 1900 0
shoot report-narrow-light 390 1200 1
shoot report-narrow-dark 390 1200 0
