"""Networks for labelled clips: frontends on the device, encoders, fusions, and the model that joins them."""
