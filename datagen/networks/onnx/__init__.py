"""Networks in ONNX files, run by onnxruntime as their weight cards describe them."""
