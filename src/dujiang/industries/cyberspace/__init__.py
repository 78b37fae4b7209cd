"""Cyberspace and public safety (网络空间治理和公共安全): scenarios of the plan's task 19."""
