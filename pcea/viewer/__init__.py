"""Looking at shapes through models: a live page, a page that opens from disk, a notebook's cell."""

from pcea.viewer.html import export_html
from pcea.viewer.notebook import Shown, show
from pcea.viewer.study import Study

__all__ = ["Shown", "Study", "export_html", "show"]
