"""`accelerate launch`, also where a CUDA torchvision lies beside a CPU torch, over which Accelerate's own stumbles."""

from vatt_harmony.model.torchvision_ops import prepare_torchvision


def main() -> None:
    """Take the arguments of `accelerate launch`."""
    prepare_torchvision()
    from accelerate.commands.launch import main as launch

    launch()


if __name__ == "__main__":
    main()
