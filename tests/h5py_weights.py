# h5py_weights.py FILE - reads the network that h5py.sh imported, as PyTorch users would.
import sys
import h5py
import numpy

with h5py.File(sys.argv[1], "r") as file:
    weight = file["0.weight"][:]
    assert weight.dtype == numpy.float32, weight.dtype
    # h5py.sh wrote rows of outputs: 3 x 2, times 0.5
    assert numpy.array_equal(weight, numpy.array([[0.5, 0], [0, -0.5], [0.5, 0.5]])), weight
    assert numpy.array_equal(file["0.bias"][:], numpy.array([1, 2, 3])), file["0.bias"][:]
    assert file["0.weight"].attrs["gamma"] == 0.5
    activation = file.attrs["activation"]
    assert activation in ("relu", b"relu"), activation
    assert file.attrs["input_sd"] == 2
