"""Accelerators: peak FLOP/s, and the time and price of a training budget on them."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """The accelerators to train on.

    Args:
        flops_per_second: peak of one device.
        utilisation: share of it that training reaches (MFU).
        count: devices.
        price_per_hour: of one device, in any currency.
    """

    flops_per_second: float
    utilisation: float = 0.4
    count: int = 1
    price_per_hour: float | None = None

    def hours(self, flops: float) -> float:
        """Hours of wall time for `flops`."""
        return flops / (self.flops_per_second * self.utilisation * self.count) / 3600

    def cost(self, flops: float) -> float | None:
        """Price of `flops`."""
        return None if self.price_per_hour is None else self.hours(flops) * self.count * self.price_per_hour


# Dense 16-bit peak of one device from the vendors' data sheets, without sparsity.
DEVICES: dict[str, float] = {
    "v100": 125e12,
    "a100": 312e12,
    "h100": 989.4e12,
    "h200": 989.4e12,
    "b200": 2250e12,
    "tpu-v4": 275e12,
    "tpu-v5p": 459e12,
    "rtx-4090": 165.2e12,
}
# Words in the driver's name of versions with lower clocks or fewer processors. A PCIe A100 has the peak of an SXM one.
SLOWER: dict[str, tuple[str, ...]] = {
    "v100": ("pcie", "fhhl"),
    "h100": ("pcie", "nvl"),
    "h200": ("nvl",),
    "rtx-4090": ("d", "laptop"),
}


def peak_flops(device: str) -> float | None:
    """Dense bf16 peak in FLOP/s of a device as its driver names it ('NVIDIA H100 80GB HBM3'); None if not in DEVICES.

    The table lists the SXM versions; other versions and slices of a device are slower, so they are not matched.
    """
    name = re.sub(r"[^a-z0-9.]+", "-", device.lower())
    key = next((key for key in DEVICES if f"-{key}-" in f"-{name}-"), None)
    if key is None or set(name.split("-")) & {"mig", *SLOWER.get(key, ())}:
        return None
    return DEVICES[key]
