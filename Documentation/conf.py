# SPDX-License-Identifier: GPL-2.0
"""How Sphinx builds the book; `make docs` runs it."""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "Documentation/sphinx"))

project = "virtback"
author = "the authors of virtback"
project_copyright = "its authors, GPL-2.0"
with open(os.path.join(TOP, "drivers/control/control.h"), encoding="utf-8") as f:
    release = version = re.search(r'VIRTBACK_VERSION\s*"(.*)"', f.read())[1]

extensions = ["myst_parser", "virtback"]
# Markdown that the hosting site shows as well; its headings get names for links.
myst_heading_anchors = 3
# Tables that scripts make; the chapters include them.
exclude_patterns = ["_build", "performance-core.rst", "performance-devices.rst",
                    "performance-neighbour.rst", "performance-results.rst",
                    "performance-stages.rst"]
nitpicky = True
highlight_language = "none"
# Quotes and dashes are those of commands.
smartquotes = False

html_theme = "alabaster"
html_theme_options = {
    "description": "virtio disks for Xen guests, served by dom0's kernel",
    "fixed_sidebar": True,
    "page_width": "1080px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_sphinx = False
html_copy_source = False
