"""Drawing triangles without a screen, with moderngl on EGL (Mesa's llvmpipe will do).

Colours are lit in linear light by one sun with an optional shadow and by a sky that is brighter
above than below, and written as sRGB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.errors import FormcueError, first_line
from app.training.bodies import Array

Image = NDArray[np.uint8]


class CanvasError(FormcueError):
    """Nothing can be drawn here; one line that says why and how to mend it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """Triangles with everything the shader wants.

    vertices, normals, rest: (V, 3), the last one where patterns are painted; fields: (V, 4), see
    wardrobe; colours: (V, 3) sRGB where no field is positive; material: (V,), one of MATERIALS.
    """

    vertices: Array
    normals: Array
    faces: NDArray[np.int32]
    colours: Array
    fields: Array | None = None
    rest: Array | None = None
    material: float = 0.0
    casts: bool = True  # a shadow


MATERIALS: Final = {
    "cloth": 0.0,
    "plain": 1.0,
    "wood": 2.0,
    "wall": 3.0,
    "rubber": 4.0,
    "glow": 5.0,
    "shade": 6.0,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A pinhole: pixel = focal * (X / Z, Y / Z) + centre, of axes X right, Y down, Z away.

    rotation: (3, 3) camera <- world; place: (3,) of the camera in the world.
    Pixels are counted from the picture's corner: the first pixel's middle is (0.5, 0.5).
    """

    rotation: Array
    place: Array
    focal: float
    centre: tuple[float, float]

    def to_camera(self, points: Array) -> Array:
        """(..., 3) world to camera axes, metres."""
        result: Array = (points - self.place) @ self.rotation.T
        return result

    def project(self, points: Array) -> Array:
        """(..., 3) world to (..., 2) pixels."""
        seen = self.to_camera(points)
        depth = np.maximum(seen[..., 2:], 1e-6)
        return np.asarray(self.focal * seen[..., :2] / depth + np.array(self.centre))


def look_at(place: Array, target: Array, roll: float = 0.0) -> Array:
    """(3, 3) camera <- world (Y up) of a camera that looks at a target; roll in degrees."""
    z = (target - place) / np.linalg.norm(target - place)
    x = np.cross(z, np.array([0.0, 1.0, 0.0]))
    x /= max(float(np.linalg.norm(x)), 1e-9)
    rotation = np.stack([x, np.cross(z, x), z])
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    return np.asarray(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ rotation)


@dataclass(frozen=True, kw_only=True, eq=False)
class Light:
    """sun: (3,) towards the sun; colours are linear RGB."""

    sun: Array = field(default_factory=lambda: np.array([0.4, 0.8, 0.45]))
    sun_colour: tuple[float, float, float] = (0.9, 0.87, 0.8)
    sky_colour: tuple[float, float, float] = (0.42, 0.44, 0.48)
    ground_colour: tuple[float, float, float] = (0.22, 0.2, 0.18)
    shadow: bool = False
    softness: float = 0.02  # metres
    shine: float = 0.15


_VERTEX: Final = """
#version 330
uniform mat4 camera;
uniform mat4 sun_camera;
in vec3 in_place; in vec3 in_normal; in vec3 in_rest; in vec4 in_fields; in vec4 in_colour;
out vec3 place; out vec3 normal; out vec3 rest; out vec4 fields; out vec3 colour; out float material;
out vec3 shade;
void main() {
    place = in_place; normal = in_normal; rest = in_rest; fields = in_fields;
    colour = in_colour.rgb; material = in_colour.a;
    vec4 seen = sun_camera * vec4(in_place, 1.0);
    shade = seen.xyz * 0.5 + 0.5;
    gl_Position = camera * vec4(in_place, 1.0);
}
"""

_FRAGMENT: Final = """
#version 330
uniform vec3 eye, sun, sun_colour, sky_colour, ground_colour;
uniform vec3 garment[4]; uniform vec3 second[4]; uniform vec2 pattern[4];
uniform float shadow, shine, softness, taps;
uniform vec4 contact[8];   // x, z, radius, strength of what stands on the floor
uniform sampler2D shadow_map;
in vec3 place; in vec3 normal; in vec3 rest; in vec4 fields; in vec3 colour; in float material;
in vec3 shade;
out vec4 result;
float hash(vec3 p) { p = fract(p * 0.3183099 + vec3(0.1, 0.2, 0.3)); p *= 17.0;
    return fract(p.x * p.y * p.z * (p.x + p.y + p.z)); }
float noise(vec3 x) { vec3 i = floor(x), f = fract(x); f = f * f * (3.0 - 2.0 * f);
    vec3 x00 = i + vec3(1, 0, 0);
    vec4 near = vec4(hash(i), hash(x00), hash(i + vec3(0, 1, 0)), hash(x00 + vec3(0, 1, 0)));
    vec4 far = vec4(hash(i + vec3(0, 0, 1)), hash(x00 + vec3(0, 0, 1)),
                    hash(i + vec3(0, 1, 1)), hash(x00 + vec3(0, 1, 1)));
    vec4 layer = mix(near, far, f.z);
    return mix(mix(layer.x, layer.y, f.x), mix(layer.z, layer.w, f.x), f.y); }
vec3 paint(int i) {
    float kind = pattern[i].x; vec3 q = rest * pattern[i].y; float m = 0.0;
    if (kind > 4.5) m = step(rest.y, pattern[i].y);
    else if (kind > 3.5) m = smoothstep(0.45, 0.6, noise(i == 3 ? q * vec3(1.0, 0.25, 1.0) : q));
    else if (kind > 2.5) m = step(0.5, fract(q.y)) * 0.5 + step(0.5, fract(q.x)) * 0.5;
    else if (kind > 1.5) m = step(0.5, fract(q.x));
    else if (kind > 0.5) m = step(0.5, fract(q.y));
    return mix(garment[i], second[i], m);
}
float lit() {
    if (shadow < 0.5) return 1.0;
    if (any(lessThan(shade, vec3(0.0))) || any(greaterThan(shade, vec3(1.0)))) return 1.0;
    float sum = 0.0;
    // Poisson-like spiral; a hash turns it from pixel to pixel, which blends into a soft edge.
    // The outermost taps come first: where they agree there is no edge near.
    float turn = 6.2831 * hash(vec3(gl_FragCoord.xy, 1.0));
    for (int k = 0; k < 32; ++k) {
        if (float(k) >= taps) break;
        float r = sqrt((taps - float(k) - 0.5) / taps), a = turn + 2.39996 * float(k);
        vec2 at = shade.xy + softness * r * vec2(cos(a), sin(a));
        sum += texture(shadow_map, at).r < shade.z - 0.004 ? 0.0 : 1.0;
        if (k == 5 && (sum < 0.5 || sum > 5.5)) return sum / 6.0;
    }
    return sum / taps;
}
void main() {
    vec3 n = normalize(normal); vec3 v = normalize(eye - place);
    if (dot(n, v) < 0.0 && material > 0.5) n = -n;
    vec3 base = colour; float gloss = shine;
    if (material < 0.5) {
        if (fields.w > 0.0) { base = paint(3); gloss = 0.5 * shine; }
        else if (fields.x > 0.0) { base = paint(0); gloss = 0.1 * shine; }
        else if (fields.y > 0.0) { base = paint(1); gloss = 0.1 * shine; }
        else if (fields.z > 0.0) base = paint(2);
        // A hem is a thin darker line.
        float hem = fields.x > 0.0 ? fields.x : min(-fields.x, abs(fields.y));
        base *= 0.8 + 0.2 * smoothstep(0.0, 0.004, hem);
    } else if (material > 1.5 && material < 2.5) {      // wooden boards
        float board = floor(rest.x / 0.14); float along = rest.z + 0.7 * hash(vec3(board, 3.0, 1.0)) * 9.0;
        float tone = hash(vec3(board, floor(along / 1.1), 2.0));
        float grain = noise(vec3(rest.x * 70.0, board * 7.0, along * 3.0));
        base *= 0.82 + 0.2 * tone + 0.12 * grain;
        float gap = min(fract(rest.x / 0.14), 1.0 - fract(rest.x / 0.14)) * 0.14;
        float end = min(fract(along / 1.1), 1.0 - fract(along / 1.1)) * 1.1;
        base *= 0.55 + 0.45 * smoothstep(0.0, 0.004, min(gap, end)); gloss = 0.5;
    } else if (material > 2.5 && material < 3.5) {      // plaster
        base *= 0.97 + 0.05 * noise(rest * 3.0) + 0.02 * noise(rest * 60.0); gloss = 0.0;
    } else if (material > 3.5 && material < 4.5) {      // rubber
        base *= 0.92 + 0.12 * noise(rest * 240.0); gloss = 0.05;
    }
    base = pow(base, vec3(2.2));
    if (material > 4.5 && material < 5.5) { result = vec4(pow(base, vec3(1.0 / 2.2)), 1.0); return; }
    float facing = max(dot(n, sun), 0.0);
    float see = facing > 0.0 ? lit() : 0.0;
    vec3 sky = mix(ground_colour, sky_colour, 0.5 + 0.5 * n.y);
    if (place.y < 0.03 && n.y > 0.9) for (int k = 0; k < 8; ++k) {
        vec2 gap = (place.xz - contact[k].xy) / max(contact[k].z, 0.001);
        sky *= 1.0 - contact[k].w * exp(-dot(gap, gap));
    }
    vec3 light = sky + sun_colour * facing * see;
    if (material > 5.5) {                               // nothing but the shadow that falls on it
        vec3 whole = mix(ground_colour, sky_colour, 0.5 + 0.5 * n.y) + sun_colour * facing;
        float left = dot(light, vec3(1.0)) / max(dot(whole, vec3(1.0)), 0.001);
        result = vec4(0.0, 0.0, 0.0, 1.0 - pow(clamp(left, 0.0, 1.0), 1.0 / 2.2)); return;
    }
    vec3 h = normalize(sun + v);
    vec3 out_light = base * light + gloss * sun_colour * see * pow(max(dot(n, h), 0.0), 24.0) * 0.35;
    out_light += base * sky * 0.35 * pow(1.0 - max(dot(n, v), 0.0), 3.0);
    result = vec4(pow(clamp(out_light, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}
"""

_DEPTH_ONLY: Final = """
#version 330
void main() {}
"""


class Canvas:
    """A picture of fixed size to draw meshes on, drawn `finer` times as large and averaged down (on a
    CPU that is cheaper than multisampling). Raises CanvasError when there is no OpenGL.

    renderer: what OpenGL calls the device that draws, say "llvmpipe (LLVM 15.0.6, 256 bits)" for the CPU.
    """

    def __init__(self, width: int, height: int, *, finer: int = 2, shadow_size: int = 512) -> None:
        try:
            import moderngl
        except ImportError:
            raise CanvasError(
                "rendering needs the package moderngl, which is not installed: pip install '.[train]'"
            ) from None
        try:
            create: Any = moderngl.create_context  # its types know no backend by name
            context: Any = create(standalone=True, backend="egl")
        except Exception as error:
            try:
                context = create(standalone=True)
            except Exception:
                raise CanvasError(
                    f"rendering needs OpenGL without a screen, and EGL failed ({first_line(error)}); "
                    "on Debian: apt install libegl1 libgl1-mesa-dri"
                ) from None
        self.width, self.height = width, height
        self._gl = context
        self.renderer = str(context.info["GL_RENDERER"])
        self._program = context.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._shadow_program = context.program(
            vertex_shader="#version 330\nuniform mat4 camera; in vec3 in_place;"
            "void main() { gl_Position = camera * vec4(in_place, 1.0); }",
            fragment_shader=_DEPTH_ONLY,
        )
        size = (width * finer, height * finer)
        self._finer = finer
        self._picture = context.framebuffer(
            color_attachments=[context.renderbuffer(size, 4)],
            depth_attachment=context.depth_renderbuffer(size),
        )
        self._shadow_map = context.depth_texture((shadow_size, shadow_size))
        self._shadow_map.compare_func = ""
        self._shadow_map.repeat_x = self._shadow_map.repeat_y = False
        self._shadow = context.framebuffer(depth_attachment=self._shadow_map)
        context.enable(moderngl.DEPTH_TEST)

    def draw(
        self,
        meshes: list[Mesh],
        camera: Camera,
        light: Light,
        *,
        garments: tuple[Array, Array, Array] | None = None,
        shadow_reach: tuple[Array, float] | None = None,
        taps: int = 8,
        contacts: Array | None = None,
        region: tuple[int, int, int, int] | None = None,
    ) -> NDArray[np.uint8]:
        """(height, width, 4) RGBA with premultiplied alpha, top row first; of `region` (left, top,
        right, bottom, pixels) only, if given.

        garments: colours (4, 3), second colours (4, 3), patterns (4, 2) of the cloth materials.
        shadow_reach: (middle (3,), radius) of what the sun's shadow covers.
        contacts: up to (8, 4) x, z, radius, strength: where feet keep daylight from the floor.
        """
        data = np.concatenate([_packed(mesh) for mesh in meshes]).astype("f4")
        shift, parts = 0, []
        for mesh in meshes:
            parts.append(mesh.faces + shift)
            shift += len(mesh.vertices)
        faces = np.concatenate(parts).astype("i4")
        with self._gl:  # another canvas may have drawn since
            vertex_buffer, index_buffer = self._gl.buffer(data.tobytes()), self._gl.buffer(faces.tobytes())
            program = self._program
            sun = light.sun / np.linalg.norm(light.sun)
            view = _matrix(camera, self.width, self.height)
            sun_view = np.eye(4)
            if light.shadow:
                middle, radius = shadow_reach or (
                    data[:, :3].mean(axis=0),
                    float(np.ptp(data[:, :3], axis=0).max()),
                )
                sun_view = _sun_matrix(np.asarray(middle), radius, sun)
                casting = [part for part, mesh in zip(parts, meshes, strict=True) if mesh.casts]
                casters = self._gl.buffer(np.concatenate(casting).astype("i4").tobytes())
                shadow_vao = self._gl.vertex_array(
                    self._shadow_program, [(vertex_buffer, "3f 56x", "in_place")], casters
                )
                self._shadow.use()
                self._shadow.clear(depth=1.0)
                self._shadow_program["camera"].write(sun_view.T.astype("f4").tobytes())
                shadow_vao.render()
                shadow_vao.release()
                casters.release()
                program["softness"] = light.softness / (2 * radius)
            self._shadow_map.use(0)
            names = ("in_place", "in_normal", "in_rest", "in_fields", "in_colour")
            vao = self._gl.vertex_array(program, [(vertex_buffer, "3f 3f 3f 4f 4f", *names)], index_buffer)
            colours, second, pattern = garments or (np.ones((4, 3)), np.ones((4, 3)), np.zeros((4, 2)))
            program["camera"].write(view.T.astype("f4").tobytes())
            program["sun_camera"].write(sun_view.T.astype("f4").tobytes())
            for name, value in (("garment", colours), ("second", second), ("pattern", pattern)):
                program[name].write(np.asarray(value, dtype="f4").tobytes())
            program["eye"], program["sun"] = tuple(camera.place), tuple(sun)
            program["sun_colour"], program["sky_colour"] = light.sun_colour, light.sky_colour
            program["ground_colour"], program["shine"] = light.ground_colour, light.shine
            program["shadow"], program["taps"] = float(light.shadow), float(taps)
            grounded = np.zeros((8, 4), dtype="f4")
            if contacts is not None:
                grounded[: len(contacts)] = contacts
            program["contact"].write(grounded.tobytes())
            left, top, right, bottom = region or (0, 0, self.width, self.height)
            wide, tall, finer = right - left, bottom - top, self._finer
            window = (left * finer, top * finer, wide * finer, tall * finer)
            self._picture.use()
            self._picture.scissor = window
            self._picture.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
            vao.render()
            pixels = np.frombuffer(self._picture.read(viewport=window, components=4), np.uint8)
            for thing in (vao, vertex_buffer, index_buffer):
                thing.release()
        pixels = pixels.reshape(tall * finer, wide * finer, 4)
        if finer == 1:
            return pixels
        return np.asarray(cv2.resize(pixels, (wide, tall), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _packed(mesh: Mesh) -> Array:
    count = len(mesh.vertices)
    fields = np.full((count, 4), -1.0) if mesh.fields is None else mesh.fields
    rest = mesh.vertices if mesh.rest is None else mesh.rest
    material = np.full((count, 1), mesh.material)
    return np.concatenate([mesh.vertices, mesh.normals, rest, fields, mesh.colours, material], axis=1)


def _matrix(camera: Camera, width: int, height: int, near: float = 0.05, far: float = 40.0) -> Array:
    """Clip <- world. The picture's top row comes first in memory, so Y is not turned over."""
    f, (cx, cy) = camera.focal, camera.centre
    clip = np.array(
        [
            [2 * f / width, 0.0, 2 * cx / width - 1.0, 0.0],
            [0.0, 2 * f / height, 2 * cy / height - 1.0, 0.0],
            [0.0, 0.0, (far + near) / (far - near), -2 * far * near / (far - near)],
            [0.0, 0.0, 1.0, 0.0],
        ]
    )
    world = np.eye(4)
    world[:3, :3] = camera.rotation
    world[:3, 3] = -camera.rotation @ camera.place
    return clip @ world


def _sun_matrix(middle: Array, radius: float, sun: Array) -> Array:
    rotation = look_at(middle + sun * 3 * radius, middle)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation / radius
    matrix[:3, 3] = -rotation @ middle / radius
    matrix[2] /= 2.0  # the sun sees twice as deep as wide
    return matrix
