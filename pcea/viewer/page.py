"""The live page: viser's widgets, and what they make the scene show."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import lru_cache
from queue import SimpleQueue
from threading import Thread, Timer
from typing import Any

import torch
import viser
from numpy.typing import NDArray

from pcea.errors import InputError
from pcea.formats import Mesh
from pcea.formats.write import glb_bytes
from pcea.viewer.collection import Collection
from pcea.viewer.key import describe, line, predicted
from pcea.viewer.paint import PLAIN, Painting, View, column_at, hit, paint
from pcea.viewer.panels import Columns
from pcea.viewer.study import Study, vertex_normals

NOTHING = "no file yet"
MEAN = "mean"
BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
# Up to so many columns are listed by their names; of more, a slider gives the number.
LISTED = 4
# Seconds until the page says that it works.
PATIENCE = 0.4
HINTS = {
    "slot": "or click the shape: the slot that takes most there",
    "query": "0: what each place receives; from 1 on: what a query point reads. "
    "Or click the shape: the query point nearest to there",
}
# viser has no place to drop a file: this picture of nothing hands what is dropped to its button.
DROP = """<img alt="" hidden src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" onload="
if (!window.pceaDrop) { window.pceaDrop = true;
  window.addEventListener('dragover', e => e.preventDefault());
  window.addEventListener('drop', e => { e.preventDefault();
    const input = document.querySelector('input[type=file]');
    if (!input || !e.dataTransfer.files.length) return;
    input.files = e.dataTransfer.files;
    input.dispatchEvent(new Event('change', { bubbles: true })); }); }">"""


class Page:
    """What browsers show of one server.

    One thread does all the work. Widgets only wake it, so that a slider which runs ahead of the
    drawing skips what nobody waits for.
    """

    def __init__(self, server: viser.ViserServer, collection: Collection) -> None:
        self._server, self._collection = server, collection
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._drawn: tuple[object, ...] = ()
        self._current: tuple[Study, View, Painting] | None = None
        self._set_up_scene()
        self._add_widgets()
        self._thread = Thread(target=self._work, name="pcea-page", daemon=True)
        self._thread.start()
        self.wake()

    def close(self) -> None:
        """Stop working."""
        self._jobs.put(None)
        self._thread.join(timeout=30)

    def wake(self, *_: object) -> None:
        """Draw again where something has changed."""
        self._jobs.put(lambda: None)

    def say(self, text: str) -> None:
        """Show one line in the page, until something is drawn."""
        self._jobs.put(lambda: self._say(text))

    def _set_up_scene(self) -> None:
        scene, camera = self._server.scene, self._server.initial_camera
        scene.set_up_direction("+y")
        # White light that adds up to 1: colors look as they do in the key.
        scene.configure_default_lights(False)
        scene.configure_environment_map(None)
        scene.add_light_ambient("/light/all", intensity=0.55 * math.pi)
        for name, strength, place in (
            ("front", 0.5, (-2.0, 4.0, 5.0)),
            ("back", 0.3, (2.0, 1.0, -5.0)),
        ):
            scene.add_light_directional(
                f"/light/{name}", intensity=strength * math.pi, position=place, cast_shadow=False
            )
        camera.position, camera.look_at, camera.fov = (1.5, 1.1, 2.4), (0.0, 0.0, 0.0), 0.75
        scene.on_click()(self._on_click)

    def _add_widgets(self) -> None:
        gui = self._server.gui
        gui.set_panel_label("pcea")
        gui.main_panel.dock_right()
        self._set_theme(False)
        titles = self._collection.titles
        self._shape = gui.add_dropdown("shape", self._collection.names or (NOTHING,))
        upload = gui.add_upload_button(
            "Add a file", hint="or drop one anywhere on the page", icon=viser.Icon.UPLOAD
        )
        upload.on_upload(lambda event: self._take_in(event.target.value))
        self._status = gui.add_html("")
        self._model = gui.add_dropdown("model", titles, visible=len(titles) > 1)
        self._prediction = gui.add_html("")
        self._panel = gui.add_dropdown("colors", (PLAIN,))
        self._choice = gui.add_dropdown("layer", ("",), visible=False)
        self._head = gui.add_dropdown("head", (MEAN,), visible=False)
        self._name = gui.add_dropdown("which", ("",), visible=False)
        self._column = gui.add_slider("slot", 0, 1, 1, 0, visible=False, hint=HINTS["slot"])
        self._same = gui.add_checkbox(
            "one scale", False, visible=False, hint="the same range of colors for every slot"
        )
        self._key = gui.add_html("")
        self._sampled = gui.add_checkbox(
            "sampled points", False, hint="the points that the model took, with their own values"
        )
        self._size = gui.add_slider("point size", 0.2, 3.0, 0.1, 1.0)
        self._dark = gui.add_checkbox("dark", False)
        gui.add_html(DROP)
        for dropdown in (self._shape, self._model, self._panel, self._choice, self._head):
            dropdown.on_update(self.wake)
        for widget in (self._name, self._same, self._sampled, self._dark):
            widget.on_update(self.wake)
        for slider in (self._column, self._size):
            slider.on_update(self.wake)

    def _set_theme(self, dark: bool) -> None:
        self._server.gui.configure_theme(
            show_logo=False, show_share_button=False, brand_color=BLUE, dark_mode=dark
        )

    def _work(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            for job in (*jobs, self._draw):
                if job is None:
                    return
                try:
                    job()
                except InputError as error:
                    self._say(str(error))
                except Exception:
                    traceback.print_exc(file=sys.stderr)
                    self._say("a fault of pcea: the terminal that it was started in says more")

    def _say(self, text: str) -> None:
        self._status.content = line(text)

    def _take_in(self, file: viser.UploadedFile) -> None:
        def job() -> None:
            self._say(f"reading {file.name} …")
            name = self._collection.add(file.name, file.content)
            self._shape.options = self._collection.names
            _set(self._shape, name)

        self._jobs.put(job)

    def _on_click(self, event: viser.SceneClickEvent) -> None:
        origin, direction = torch.tensor([event.ray_origin, event.ray_direction]).float()

        def job() -> None:
            if self._current is None:
                return
            study, view, painting = self._current
            place = hit(painting.pos, origin, direction)
            column = None if place is None else column_at(study, view, place)
            if column is not None:
                _set(self._column, column)
                _set(self._name, self._name.options[min(column, len(self._name.options) - 1)])

        self._jobs.put(job)

    def _draw(self) -> None:
        name = self._shape.value
        if name not in self._collection.names:
            if self._drawn != (NOTHING,):  # once: why a file was refused must stay there
                self._drawn = (NOTHING,)
                self._say("choose a file, or drop one on the page")
            return
        model = _index(self._collection.titles, self._model.value)
        if self._drawn == self._wanted(name, model):
            return
        self._drawn = self._wanted(name, model)  # what fails is not tried again as it is
        study = self._collection.study(name, model)
        patience = Timer(PATIENCE, self._say, ["working …"])
        patience.start()
        try:
            self._arrange(study)
            view = self._view()
            self._drawn = self._wanted(name, model)
            painting = paint(study, view)
        finally:
            patience.cancel()
        with self._server.atomic():
            self._set_theme(bool(self._dark.value))
            self._place(study, view, painting)
            self._prediction.content = predicted(study)
            self._key.content = describe(painting.key)
            self._say("")
        self._current = study, view, painting

    def _wanted(self, name: str, model: int) -> tuple[object, ...]:
        return name, model, self._view(), self._size.value, self._dark.value

    def _view(self) -> View:
        listed = bool(self._name.visible)
        head = _index(self._head.options, self._head.value)
        return View(
            panel=self._panel.value,
            choice=_index(self._choice.options, self._choice.value),
            head=None if head == 0 else head - 1,
            column=_index(self._name.options, self._name.value)
            if listed
            else int(self._column.value),
            sampled=bool(self._sampled.value),
            same_scale=bool(self._same.value),
        )

    def _arrange(self, study: Study) -> None:
        """Let the widgets offer what the study has, and show those that the panel needs."""
        first = self._panel.options == (PLAIN,)
        _offer(self._panel, (PLAIN, *study.panels))
        if first and study.panels:
            _set(self._panel, next(iter(study.panels)))
        panel, choices = study.panels.get(self._panel.value, (None, ("",)))
        _offer(self._choice, choices)
        view = self._view()
        values = study.values(view.panel, view.choice)
        columns = values if isinstance(values, Columns) else None
        names = ("",) if columns is None else columns.names
        heads = 1 if columns is None else len(columns.values)
        _offer(self._head, (MEAN, *map(str, range(heads))))
        queries = columns is not None and columns.query is not None
        listed = len(names) <= LISTED and not queries
        _offer(self._name, names if listed else ("",))
        if self._column.value > len(names) - 1:
            _set(self._column, len(names) - 1)
        self._column.max = max(1, len(names) - 1)
        self._column.label = "query" if queries else "slot"
        self._column.hint = HINTS[self._column.label]
        self._choice.label = "" if panel is None else panel.choice
        self._choice.visible = len(choices) > 1
        self._head.visible = heads > 1
        self._name.visible = listed and len(names) > 1
        self._column.visible = not listed and len(names) > 1
        self._same.visible = columns is not None and not columns.signed

    def _place(self, study: Study, view: View, painting: Painting) -> None:
        """Put the painting into the scene; what stood there under the same name goes."""
        scene, pos, color = self._server.scene, painting.pos.numpy(), painting.color
        if isinstance(study.drawn, Mesh) and not view.sampled:
            faces = study.drawn.faces.numpy()
            glb = glb_bytes(pos, faces, color, normal=_normals(study))
            scene.add_glb("/shape", glb, cast_shadow=False, receive_shadow=False)
        else:
            size = float(self._size.value) * min(0.04, max(0.006, 0.9 / math.sqrt(len(pos))))
            scene.add_point_cloud(
                "/shape", pos, color, point_size=size, point_shape="circle", precision="float32"
            )
        mark = painting.mark
        place = (0.0, 0.0, 0.0) if mark is None else tuple(mark.tolist())
        scene.add_icosphere("/query", 0.025, ORANGE, position=place, visible=mark is not None)


@lru_cache(2)
def _normals(study: Study) -> NDArray[Any]:
    """(V, 3) unit normals of what is drawn, y up."""
    assert isinstance(study.drawn, Mesh)
    return vertex_normals(study.drawn.upright(study.up))


def _offer(dropdown: Any, options: Sequence[str]) -> None:
    """Change what a dropdown offers; what was chosen stays where it is offered, too."""
    if dropdown.options != tuple(options):
        before = dropdown.value
        dropdown.options = tuple(options)
        _set(dropdown, before if before in options else options[0])


def _index(options: Sequence[str], value: str) -> int:
    """Where a value stands among options; 0 where it is none of them: a page may send anything."""
    return options.index(value) if value in options else 0


def _set(widget: Any, value: int | str) -> None:
    widget.value = value  # Any: viser's types take the property for one that cannot be set
