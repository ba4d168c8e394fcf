"""The live page: viser's widgets, and what they make the scene show."""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread, Timer
from typing import Any

import torch
import viser

from pcea.errors import InputError
from pcea.formats import Mesh
from pcea.viewer.collection import Collection
from pcea.viewer.key import describe, line, predicted
from pcea.viewer.paint import MODES, Painting, View, column_at, hit, paint
from pcea.viewer.solid import Solid
from pcea.viewer.study import Study

NOTHING = "no file yet"
MEAN = "mean"
BLUE = (0, 114, 178)
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
    drawing skips what nobody would have seen.

    Args:
        server: the server.
        collection: the shapes and models.
    """

    def __init__(self, server: viser.ViserServer, collection: Collection) -> None:
        self._server, self._collection = server, collection
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._drawn: tuple[object, ...] = ()
        self._shown: tuple[Study, View, Painting] | None = None
        self._node: viser.GlbHandle | viser.PointCloudHandle | None = None
        self._node_key: tuple[object, ...] = ()
        self._solid: Solid | None = None
        self._mark: viser.SceneNodeHandle | None = None
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
        # White light that adds up to 1: colours look as they do in the key.
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
        self._shape = gui.add_dropdown("shape", self._collection.names or (NOTHING,))
        upload = gui.add_upload_button(
            "Add a file", hint="or drop one anywhere on the page", icon=viser.Icon.UPLOAD
        )
        self._status = gui.add_html("")
        titles = self._collection.titles
        self._model = gui.add_dropdown("model", titles, visible=len(titles) > 1)
        self._prediction = gui.add_html("")
        self._mode = gui.add_dropdown("colours", ("plain",))
        self._layer = gui.add_slider("layer", 0, 1, 1, 0, visible=False)
        self._head = gui.add_dropdown("head", (MEAN,), visible=False)
        self._column = gui.add_slider("slot", 0, 1, 1, 0, visible=False, hint=HINTS["slot"])
        self._same = gui.add_checkbox(
            "one scale", False, visible=False, hint="the same range of colours for every slot"
        )
        self._target = gui.add_dropdown("of", ("",), visible=False)
        self._what = gui.add_dropdown("which", ("critical",), visible=False)
        self._key = gui.add_html("")
        self._seen = gui.add_checkbox(
            "seen points", False, hint="the points that the model looked at, with their own values"
        )
        self._size = gui.add_slider("point size", 0.2, 3.0, 0.1, 1.0)
        self._dark = gui.add_checkbox("dark", False)
        gui.add_html(DROP)
        upload.on_upload(lambda event: self._take_in(event.target.value))
        for dropdown in (self._shape, self._model, self._mode, self._head, self._target):
            dropdown.on_update(self.wake)
        for slider in (self._layer, self._column, self._size):
            slider.on_update(self.wake)
        for checkbox in (self._same, self._seen, self._dark):
            checkbox.on_update(self.wake)
        self._what.on_update(self.wake)

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
            if self._shown is None:
                return
            study, view, painting = self._shown
            place = hit(painting.pos, origin, direction)
            column = None if place is None else column_at(study, view, place)
            if column is not None:
                _set(self._column, column)

        self._jobs.put(job)

    def _draw(self) -> None:
        name = self._shape.value
        if name not in self._collection.names:
            if self._drawn != (NOTHING,):  # once: why a file was refused must stay there
                self._drawn = (NOTHING,)
                self._say("choose a file, or drop one on the page")
            return
        model = _index(self._collection.titles, self._model.value)
        if self._drawn == (name, model, self._view(), self._size.value, self._dark.value):
            return
        # What fails is not tried again until something is changed.
        self._drawn = (name, model, self._view(), self._size.value, self._dark.value)
        study = self._collection.study(name, model)
        if self._shown is None or self._shown[0] is not study:
            self._say(f"looking at {name} …")
            self._offer(study)
        self._arrange(study)
        view = self._view()
        self._drawn = (name, model, view, self._size.value, self._dark.value)
        patience = Timer(PATIENCE, self._say, ["working …"])
        patience.start()
        try:
            painting = paint(study, view)
        finally:
            patience.cancel()
        with self._server.atomic():
            self._set_theme(bool(self._dark.value))
            self._place(study, view, painting)
            self._prediction.content = predicted(study)
            self._key.content = describe(painting.key)
            self._say("")
        self._shown = study, view, painting

    def _view(self) -> View:
        heads = self._head.options
        head = _index(heads, self._head.value)
        return View(
            mode=MODES[_index(MODES, self._mode.value)],
            layer=int(self._layer.value),
            head=None if head == 0 else head - 1,
            column=int(self._column.value) if self._mode.value == "attention" else self._which(),
            target=self._target.value or None,
            seen=bool(self._seen.value),
            same_scale=bool(self._same.value),
        )

    def _which(self) -> int:
        return _index(self._what.options, self._what.value)

    def _offer(self, study: Study) -> None:
        """Let the choices be those that a study has."""
        first = self._mode.options == ("plain",)
        own = "attention" if study.parts is None else "parts"
        self._mode.options = [mode for mode in MODES if mode != "parts" or own == "parts"]
        if first or self._mode.value not in self._mode.options:
            _set(self._mode, own)
        _set(self._layer, min(self._layer.value, len(study.layers) - 1))
        self._layer.max = max(1, len(study.layers) - 1)
        self._target.options = study.targets

    def _arrange(self, study: Study) -> None:
        """Show the widgets that the mode needs, with the ranges that the layer has."""
        attends, matters = self._mode.value == "attention", self._mode.value == "importance"
        stack = study.layers[min(int(self._layer.value), len(study.layers) - 1)]
        heads, columns = len(stack.values), len(stack.columns)
        options = (MEAN, *(str(head) for head in range(heads)))
        if self._head.options != options:
            self._head.options = options
        if self._column.value > columns - 1:
            _set(self._column, columns - 1)
        self._column.max = max(1, columns - 1)
        self._column.label = "slot" if stack.query is None else "query"
        self._column.hint = HINTS[self._column.label]
        self._layer.visible = attends and len(study.layers) > 1
        self._head.visible = attends and heads > 1
        self._column.visible = attends and columns > 1
        self._same.visible = attends
        self._target.visible = self._what.visible = matters
        if matters:
            self._what.options = study.importance(self._target.value).columns

    def _place(self, study: Study, view: View, painting: Painting) -> None:
        """Put the painting into the scene; what stands there already only changes colour."""
        scene, pos = self._server.scene, painting.pos.numpy()
        key = (study.drawn, study.up, view.seen)
        size = float(self._size.value) * min(0.04, max(0.006, 0.9 / math.sqrt(len(pos))))
        if key != self._node_key:
            if self._node is not None:
                self._node.remove()
            self._node, self._node_key, self._solid = None, key, None
        if isinstance(study.drawn, Mesh) and not view.seen:
            self._solid = self._solid or Solid(painting.pos, study.drawn.faces)
            glb = self._solid.glb(painting.color)
            if isinstance(self._node, viser.GlbHandle):
                self._node.glb_data = glb
            else:
                self._node = scene.add_glb("/shape", glb, cast_shadow=False, receive_shadow=False)
        elif isinstance(self._node, viser.PointCloudHandle):
            self._node.colors, self._node.point_size = painting.color, size
        else:
            self._node = scene.add_point_cloud(
                "/shape",
                pos,
                painting.color,
                point_size=size,
                point_shape="circle",
                precision="float32",
            )
        if self._mark is not None:
            self._mark.remove()
            self._mark = None
        if painting.mark is not None:
            self._mark = scene.add_icosphere(
                "/query", 0.025, color=(213, 94, 0), position=tuple(painting.mark.tolist())
            )


def _index(options: Sequence[str], value: str) -> int:
    """Where a value stands among options; 0 where it is none of them: a page may send anything."""
    return options.index(value) if value in options else 0


def _set(widget: Any, value: int | str) -> None:
    widget.value = value  # Any: viser's types take the property for one that cannot be set
