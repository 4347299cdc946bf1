"""The published and derived numbers of balancing, each compared with what this package computes."""
