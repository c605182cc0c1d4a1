"""The fused pass for CUDA cards: one launch for scores, masks and patch sums, in Triton."""
