const canvas = document.querySelector("canvas");
const gl = canvas.getContext("webgl2", { antialias: true });
if (!gl) say("this browser cannot draw shapes: it lacks WebGL 2", true);
const START = { yaw: 0.6, pitch: 0.35, distance: 3.1, x: 0, y: 0 }, camera = { ...START };
const SURFACE = 0, DOTS = 1, MARK = 2, PLACES = 3;
const program = (() => {
  const made = gl.createProgram();
  for (const [kind, words] of [[gl.VERTEX_SHADER, `#version 300 es
    layout(location=0) in vec3 pos; layout(location=1) in vec3 normal; layout(location=2) in vec4 color;
    uniform mat4 view; uniform vec4 lens; uniform float size; uniform vec3 mark; uniform highp int kind;
    out vec3 n; out vec3 c; out vec3 place;
    void main() {
      place = kind == ${MARK} ? mark : pos;
      vec4 p = view * vec4(place, 1.0);
      n = mat3(view) * normal;
      c = kind == ${MARK} ? vec3(${content.colors.mark}) : color.rgb;
      gl_Position = vec4(p.xy * lens.xy, p.z * lens.z + lens.w, -p.z);
      gl_PointSize = size / -p.z;
    }`], [gl.FRAGMENT_SHADER, `#version 300 es
    precision highp float;
    in vec3 n; in vec3 c; in vec3 place; uniform highp int kind; uniform bool round; out vec4 color;
    void main() {
      float light = 1.0;
      if (round) {
        vec2 d = 2.0 * gl_PointCoord - 1.0;
        if (dot(d, d) > 1.0) discard;
        light = 1.0 - 0.35 * dot(d, d);
      } else {
        vec3 m = normalize(n);
        if (m.z < 0.0) m = -m;
        vec4 lamp = vec4(${content.light});  // its direction, and the ambient light
        light = mix(lamp.w, 1.0, max(dot(m, lamp.xyz), 0.0));
      }
      color = kind == ${PLACES} ? vec4(0.5 + 0.5 * place, 1.0) : vec4(c * light, 1.0);
    }`]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, words);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return made;
})();
const where = Object.fromEntries(["view", "lens", "size", "mark", "kind", "round"].map(name => [name, gl.getUniformLocation(program, name)]));
const buffers = [0, 1, 2, 3].map(() => gl.createBuffer());

function attribute(index, data, size, type) {
  gl.bindBuffer(gl.ARRAY_BUFFER, buffers[index]);
  gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(index);
  gl.vertexAttribPointer(index, size, type, true, 0, 0);
}

// With the kind PLACES, the color of each pixel is the position on the shape.
function draw(kind) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  Object.assign(canvas, { width: width * ratio, height: height * ratio });
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  if (!shown) return;
  gl.enable(gl.DEPTH_TEST);
  gl.useProgram(program);
  const [cy, sy, cp, sp] = [Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch)];
  // The columns of the view matrix: the shape's x, y and z axes, and its position, in the camera's axes.
  gl.uniformMatrix4fv(where.view, false, [cy, sp * sy, -cp * sy, 0, 0, cp, sp, 0,
    sy, -sp * cy, cp * cy, 0, camera.x, camera.y, -camera.distance, 1]);
  const wide = width > 640, aside = wide ? 150 / width : 0;  // the panel covers the right edge, or the lower half
  const zoom = 2.6 * Math.min(wide ? 1 : 0.55, width / height), near = 0.02, far = 60;
  gl.viewport(-aside * canvas.width, wide ? 0 : 0.25 * canvas.height, canvas.width, canvas.height);
  gl.uniform4f(where.lens, zoom * height / width, zoom, (far + near) / (near - far), 2 * far * near / (near - far));
  const count = shown.positions.length / 3;
  gl.uniform1i(where.kind, kind || (shown.dots ? DOTS : SURFACE));
  gl.uniform1i(where.round, shown.dots);
  gl.uniform1f(where.size, canvas.height * at("size").value * Math.min(0.09, Math.max(0.012, 2.2 / Math.sqrt(count))));
  if (shown.dots) gl.drawArrays(gl.POINTS, 0, count);
  else gl.drawElements(gl.TRIANGLES, shown.corners, gl.UNSIGNED_INT, 0);
  if (!shown.mark || kind === PLACES) return;
  gl.uniform1i(where.kind, MARK);
  gl.uniform1i(where.round, 1);
  gl.uniform3f(where.mark, ...shown.mark);
  gl.uniform1f(where.size, 0.14 * canvas.height);
  gl.drawArrays(gl.POINTS, 0, 1);
}

// ---- mouse, touch and keys
const hands = new Map();
let still = false;  // whether the pointer has not moved since it went down, which makes a click
canvas.addEventListener("pointerdown", e => {
  canvas.setPointerCapture(e.pointerId);
  still = hands.size === 0 && e.button === 0;
  hands.set(e.pointerId, { first: e, last: e });
});
canvas.addEventListener("pointerup", e => { if (hands.delete(e.pointerId) && still) click(e); });
canvas.addEventListener("pointercancel", e => hands.delete(e.pointerId));
canvas.addEventListener("pointermove", e => {
  const hand = hands.get(e.pointerId);
  if (!hand) return;
  if (Math.hypot(e.clientX - hand.first.clientX, e.clientY - hand.first.clientY) > 4) still = false;
  if (still) return;
  const dx = e.clientX - hand.last.clientX, dy = e.clientY - hand.last.clientY;
  if (hands.size > 1) {
    const other = [...hands.values()].find(each => each !== hand).last;
    const apart = each => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY);
    closer(apart(hand.last) / Math.max(1, apart(e)));
  } else if (e.buttons & 2 || e.shiftKey) {
    camera.x += 1.6 * dx / canvas.clientHeight;
    camera.y -= 1.6 * dy / canvas.clientHeight;
  } else turn(0.008 * dx, 0.008 * dy);
  hand.last = e;
  draw();
});
function turn(yaw, pitch) {
  camera.yaw += yaw;
  camera.pitch = Math.max(-1.57, Math.min(1.57, camera.pitch + pitch));
}
function closer(factor) { camera.distance = Math.max(0.3, Math.min(20, camera.distance * factor)); }
canvas.addEventListener("wheel", e => { e.preventDefault(); closer(Math.exp(0.001 * e.deltaY)); draw(); }, { passive: false });
canvas.addEventListener("contextmenu", e => e.preventDefault());
canvas.addEventListener("keydown", e => {
  const way = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[e.key];
  if (way) { turn(...way); draw(); }
});
canvas.addEventListener("dblclick", () => { Object.assign(camera, START); draw(); });

// A click chooses the column that belongs to the nearest sampled point.
async function click(e) {
  if (!shown || !shown.values || !shown.values.pick) return;
  const { one, values, view } = shown, pixel = new Uint8Array(4), ratio = canvas.width / canvas.clientWidth;
  draw(PLACES);
  gl.readPixels(e.clientX * ratio, canvas.height - 1 - e.clientY * ratio, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  draw();
  if (pixel[3] < 255) return;  // beside the shape
  let nearest = 0, least = Infinity;
  for (let i = 0; i < one.sampled.length; i += 3) {
    const away = [0, 1, 2].reduce((sum, c) => sum + (one.sampled[i + c] / 32767 - (pixel[c] / 127.5 - 1)) ** 2, 0);
    if (away < least) [nearest, least] = [i / 3, away];
  }
  const pick = await unpack(values.pick, Uint16Array);
  at("column").value = at("which").value = pick[view.head * one.sampled.length / 3 + nearest];
  update();
}
