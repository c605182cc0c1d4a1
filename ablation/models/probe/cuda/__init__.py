"""The fused pass for CUDA cards: scores, masks and patch sums in one launch, written in Triton."""
