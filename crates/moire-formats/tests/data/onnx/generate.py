"""Small ONNX networks, one a family of ops, with what ONNX's own reference evaluator makes of them.

Usage: python generate.py      (needs onnx, numpy and safetensors)

Writes NAME.onnx and NAME.safetensors, which holds the input x and every output. Deterministic.
"""

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import save_file

HERE = Path(__file__).parent


class Net:
    """A network over one input x, one output a node that is asked for."""

    def __init__(self, shape, opset=20):
        self.rng = np.random.default_rng(7)
        self.shape, self.opset = shape, opset
        self.nodes, self.stored, self.outputs = [], [], []

    def const(self, value, dtype=np.float32):
        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def rand(self, *shape, low=-1.0, high=1.0):
        return self.const(self.rng.uniform(low, high, shape))

    def op(self, kind, *inputs, count=1, **attributes):
        names = [f"n{len(self.nodes)}_{i}" for i in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if count == 1 else names

    def out(self, *names):
        self.outputs += names

    def show(self, kind, *inputs, **attributes):
        self.out(self.op(kind, *inputs, **attributes))

    def write(self, name):
        x = self.rng.uniform(-1, 1, self.shape).astype(np.float32)
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            name,
            [info("x", TensorProto.FLOAT, ["batch", *self.shape[1:]])],
            [info(o, TensorProto.FLOAT, None) for o in self.outputs],
            self.stored,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="")
        (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())
        values = ReferenceEvaluator(model).run(None, {"x": x})
        values = {o: np.ascontiguousarray(v, np.float32) for o, v in zip(self.outputs, values)}
        save_file({"x": x, **values}, HERE / f"{name}.safetensors")


def conv():
    n = Net([1, 4, 7, 6])
    n.show("Conv", "x", n.rand(3, 4, 3, 3), n.rand(3), pads=[1, 1, 1, 1])
    n.show("Conv", "x", n.rand(2, 4, 3, 3), strides=[2, 2], pads=[0, 0, 1, 1])
    n.show("Conv", "x", n.rand(2, 4, 3, 2), pads=[2, 0, 1, 1], dilations=[1, 2])
    n.show("Conv", "x", n.rand(4, 1, 3, 3), group=4, strides=[2, 2], auto_pad="SAME_UPPER")
    n.show("ConvTranspose", "x", n.rand(4, 2, 4, 4), n.rand(2), strides=[2, 2], pads=[1, 1, 1, 1])
    n.show("ConvTranspose", "x", n.rand(4, 2, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    n.show("ConvTranspose", "x", n.rand(4, 2, 3, 3), strides=[2, 2], pads=[0, 0, 1, 1])
    line = n.op("Reshape", "x", n.ints(1, 4, 42))
    n.show("Conv", line, n.rand(3, 4, 5), n.rand(3), pads=[2, 2])
    n.write("conv")


def pool():
    n = Net([1, 2, 7, 8])
    n.show("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2])
    n.show("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    n.show("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    n.show("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 3], ceil_mode=1)
    n.show("AveragePool", "x", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    n.show("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    n.show("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 0])
    n.show("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    n.show("GlobalAveragePool", "x")
    n.show("GlobalMaxPool", "x")
    n.write("pool")


def elementwise():
    n = Net([1, 3, 2, 4])
    for kind in ["Abs", "Erf", "Exp", "Relu", "Sigmoid", "Softplus", "Tanh", "Softsign", "HardSwish", "Mish", "Neg"]:
        n.show(kind, "x")
    n.show("Elu", "x", alpha=0.7)
    n.show("LeakyRelu", "x", alpha=0.2)
    n.show("LeakyRelu", "x", alpha=-0.2)
    n.show("Selu", "x")
    n.show("Gelu", "x")
    n.show("Gelu", "x", approximate="tanh")
    n.show("HardSigmoid", "x", alpha=0.3, beta=0.4)
    n.show("PRelu", "x", n.rand(3, 1, 1))
    n.show("Clip", "x", n.const(-0.5), n.const(0.25))
    n.show("Clip", "x", n.const(0.0))
    n.show("Clip", "x", "", n.const(0.5))
    positive = n.op("Add", n.op("Abs", "x"), n.const(0.5))
    for kind in ["Log", "Sqrt", "Reciprocal"]:
        n.show(kind, positive)
    for power in [2.0, 3.0, 4.0, 0.5, -0.5, 1.7, -2.0]:
        n.show("Pow", positive, n.const(power))
    other = n.rand(3, 1, 4)
    for kind in ["Add", "Sub", "Mul", "Div", "Max", "Min"]:
        n.show(kind, "x", other)
    n.show("Sum", "x", other, n.const(1.0))
    n.show("Mean", "x", other, n.const(1.0))
    n.write("elementwise")


def movement():
    n = Net([1, 4, 6, 5])
    n.show("Reshape", "x", n.ints(0, 2, -1, 5))
    n.show("Flatten", "x")
    n.show("Flatten", "x", axis=2)
    n.show("Transpose", "x", perm=[0, 2, 3, 1])
    n.show("Transpose", "x")
    n.show("Slice", "x", n.ints(1, -4), n.ints(3, 2**63 - 1), n.ints(1, 2))
    n.show("Slice", "x", n.ints(0), n.ints(6), n.ints(2), n.ints(2))
    n.show("Slice", "x", n.ints(-1), n.ints(-(2**63)), n.ints(3), n.ints(-1))
    a, b = n.op("Split", "x", n.ints(1, 3), count=2, axis=1)
    n.out(a, b)
    n.out(*n.op("Split", "x", count=2, axis=3, num_outputs=2))
    n.show("Concat", "x", a, axis=1)
    # A window rolled by two, as Swin writes it.
    tail = n.op("Slice", "x", n.ints(2), n.ints(6), n.ints(2))
    head = n.op("Slice", "x", n.ints(0), n.ints(2), n.ints(2))
    n.show("Concat", tail, head, axis=2)
    n.show("Unsqueeze", "x", n.ints(0, -1))
    n.show("Squeeze", "x", n.ints(0))
    n.show("Expand", n.op("GlobalAveragePool", "x"), n.ints(1, 1, 2, 3))
    n.show("Tile", "x", n.ints(1, 1, 2, 3))
    n.show("DepthToSpace", "x", blocksize=2)
    n.show("DepthToSpace", "x", blocksize=2, mode="CRD")
    n.show("SpaceToDepth", n.op("Slice", "x", n.ints(0), n.ints(4), n.ints(3)), blocksize=2)
    n.write("movement")


def gather():
    n = Net([1, 4, 6, 5])
    n.show("Gather", "x", n.const(2, np.int64), axis=1)
    n.show("Gather", "x", n.const([[0, -1], [3, 3]], np.int64), axis=2)
    n.show("Gather", "x", n.ints(1, 2, 3), axis=3)
    # A table of biases by relative position, known before the network runs.
    table = n.rand(9, 2)
    index = n.const([[4, 3], [5, 4]], np.int64)
    bias = n.op("Gather", table, index)
    corner = n.op("Slice", "x", n.ints(0, 0), n.ints(2, 2), n.ints(2, 3))
    n.show("Add", corner, n.op("ReduceSum", bias, n.ints(2), keepdims=0))
    ones = n.op("ConstantOfShape", n.ints(6, 5), value=numpy_helper.from_array(np.array([0.0], np.float32)))
    places = n.const([[1, 2], [5, 0]], np.int64)
    n.show("Mul", "x", n.op("ScatterND", ones, places, n.const([2.0, -3.0])))
    n.show("Mul", "x", n.op("GatherND", n.rand(6, 6, 5), n.const([[i, -1 - i] for i in range(6)], np.int64)))
    n.show("Mul", "x", n.op("GatherElements", n.rand(6, 5), n.const(np.arange(30).reshape(6, 5) % 5, np.int64), axis=1))
    n.show("Trilu", "x", n.const(1, np.int64), upper=0)
    n.write("gather")


def norm():
    n = Net([1, 4, 5, 3])
    stats = [n.rand(4, low=0.5), n.rand(4), n.rand(4), n.rand(4, low=0.5)]
    n.show("BatchNormalization", "x", *stats, epsilon=1e-3)
    n.show("InstanceNormalization", "x", n.rand(4), n.rand(4), epsilon=1e-3)
    n.show("LayerNormalization", "x", n.rand(3), n.rand(3))
    n.show("LayerNormalization", "x", n.rand(5, 3), axis=2, epsilon=1e-2)
    n.show("LpNormalization", "x", axis=1, p=2)
    n.show("Softmax", "x", axis=1)
    n.show("Softmax", "x")
    n.show("LogSoftmax", "x", axis=3)
    n.write("norm")
    n = Net([1, 4, 5, 3], opset=21)
    n.show("GroupNormalization", "x", n.rand(4), n.rand(4), num_groups=2, epsilon=1e-3)
    n.write("group_norm")


def reduce():
    n = Net([1, 3, 4, 5])
    for kind in ["L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Sum", "SumSquare"]:
        n.show(f"Reduce{kind}", "x", n.ints(2, -1), keepdims=0)
        n.show(f"Reduce{kind}", "x", n.ints(1))
    n.write("reduce")


def matmul():
    n = Net([1, 2, 4, 3])
    n.show("MatMul", "x", n.rand(3, 5))
    n.show("MatMul", "x", n.rand(3))
    n.show("MatMul", n.rand(4), "x")
    n.show("MatMul", "x", n.op("Transpose", "x", perm=[0, 1, 3, 2]))
    rows = n.op("Reshape", "x", n.ints(8, 3))
    n.show("Gemm", rows, n.rand(5, 3), n.rand(5), transB=1)
    n.show("Gemm", rows, n.rand(8, 2), n.rand(1, 2), transA=1, alpha=0.5, beta=2.0)
    n.show("Einsum", "x", n.rand(2, 3, 5), equation="bhqd,hdk->bhqk")
    n.show("Einsum", "x", "x", equation="bhqd, bhkd -> bkhq")
    n.write("matmul")


def resize():
    n = Net([1, 2, 4, 5])
    for mode in ["nearest", "linear", "cubic"]:
        for place in ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]:
            extra = {"nearest_mode": "floor"} if place == "asymmetric" and mode == "nearest" else {}
            for sizes in [[1, 2, 8, 10], [1, 2, 3, 7]]:
                n.show("Resize", "x", "", "", n.ints(*sizes), mode=mode, coordinate_transformation_mode=place, **extra)
    n.show("Resize", "x", "", n.const([1, 1, 2, 1.5]), mode="nearest", nearest_mode="round_prefer_ceil")
    n.write("resize")


def pad():
    n = Net([1, 2, 4, 5])
    n.show("Pad", "x", n.ints(0, 0, 1, 2, 0, 0, 3, 0))
    n.show("Pad", "x", n.ints(0, 1, 1, 2, 0, 0, 3, 0), n.const(1.5))
    n.show("Pad", "x", n.ints(0, 0, 1, 2, 0, 0, 3, 0), mode="reflect")
    n.show("Pad", "x", n.ints(0, 0, 1, 2, 0, 0, 3, 0), mode="edge")
    n.show("Pad", "x", n.ints(0, 0, 1, 2, 0, 0, 3, 0), mode="wrap")
    n.show("Pad", "x", n.ints(1, 2), "", n.ints(3))
    n.write("pad")


def shape():
    """Shape arithmetic, masks and branches: all known when the network is read."""
    n = Net([1, 6, 4, 5])
    dims = n.op("Shape", "x")
    height = n.op("Gather", dims, n.const(2, np.int64))
    width = n.op("Slice", dims, n.ints(3), n.ints(4))
    product = n.op("Mul", n.op("Unsqueeze", height, n.ints(0)), width)
    target = n.op("Concat", n.ints(0, -1), product, axis=0)
    n.show("Reshape", "x", target)
    # Half the size by way of floats.
    half = n.op("Mul", n.op("Cast", n.op("Slice", dims, n.ints(2), n.ints(4)), to=1), n.const(0.5))
    half = n.op("Cast", n.op("Floor", half), to=7)
    sizes = n.op("Concat", n.op("Slice", dims, n.ints(0), n.ints(2)), half, axis=0)
    n.show("Resize", "x", "", "", sizes, mode="linear")
    steps = n.op("Range", n.const(0, np.int64), n.op("Squeeze", width), n.const(1, np.int64))
    even = n.op("Equal", n.op("Mod", steps, n.const(2, np.int64)), n.const(0, np.int64))
    n.show("Where", even, "x", n.const(-1.0))
    n.show("Where", n.op("Not", even), n.rand(5), "x")
    masked = n.op("Where", even, "x", n.const(-np.inf))
    n.show("Softmax", masked, axis=3)
    guard = n.op("Softmax", "x", axis=3)
    n.show("Where", n.op("IsNaN", guard), n.const(0.0), guard)
    n.show("Add", "x", n.op("Cast", n.op("Expand", steps, n.ints(4, 5)), to=1))
    n.show("Mul", "x", n.op("Sqrt", n.op("Cast", n.op("ReduceProd", dims, keepdims=0), to=1)))
    info = helper.make_tensor_value_info
    then = helper.make_graph([helper.make_node("Relu", ["x"], ["t"])], "then", [], [info("t", 1, None)])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [info("e", 1, None)])
    tall = n.op("Greater", height, n.const(3, np.int64))
    n.show("If", tall, then_branch=then, else_branch=other)
    n.show("If", n.op("Not", tall), then_branch=then, else_branch=other)
    n.show("Identity", n.op("Dropout", "x"))
    n.write("shape")


def nhwc():
    """As tf2onnx writes: channels last outside, first inside, pads by hand, opset 15, halves as weights."""
    n = Net([1, 8, 6, 3], opset=15)
    x = n.op("Transpose", "x", perm=[0, 3, 1, 2])
    x = n.op("Pad", x, n.ints(0, 0, 0, 0, 0, 0, 1, 1))
    w = n.const(n.rng.uniform(-1, 1, [4, 3, 3, 3]), np.float16)
    x = n.op("Conv", x, n.op("Cast", w, to=1), strides=[2, 2])
    x = n.op("Clip", x, n.const(0.0), n.const(6.0))
    x = n.op("Transpose", x, perm=[0, 2, 3, 1])
    n.show("Softmax", n.op("ReduceMean", x, axes=[1, 2], keepdims=0), axis=-1)
    n.out(x)
    n.write("nhwc")


for make in [conv, pool, elementwise, movement, gather, norm, reduce, matmul, resize, pad, shape, nhwc]:
    make()
