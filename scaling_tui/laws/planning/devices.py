"""Accelerators: peak FLOP/s, and the time and price of a training budget on them."""

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
