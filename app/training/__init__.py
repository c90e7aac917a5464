"""Making the network: data sets, losses, the training loop, evaluation, rendered images."""
