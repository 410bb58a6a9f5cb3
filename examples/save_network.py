# save_network.py - a trained network as a file that `rebias deploy` and `rebias network` read.
# FILE.h5 holds a PyTorch model's state_dict: state = model.state_dict(); here small arrays stand for it.
import sys
import h5py
import numpy

state = {"0.weight": numpy.array([[1.5, -0.5], [0.25, 2.0], [0.0, -1.0]]),  # outputs x inputs
         "0.bias": numpy.array([0.5, 0.0, -0.25]),
         "2.weight": numpy.array([[1, 0, -1], [0, -1, 1]])}  # ternary; no biases
with h5py.File(sys.argv[1], "w") as file:
    for name, array in state.items():
        file[name] = array
    file.attrs["activation"] = "relu"
    file["2.weight"].attrs["gamma"] = 1.0
