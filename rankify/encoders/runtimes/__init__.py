"""Networks outside torch: exported from their own weights, kept in the cache, run by ONNX Runtime or OpenVINO."""
