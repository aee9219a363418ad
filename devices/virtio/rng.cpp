#include "devices/virtio/rng.h"

#include <algorithm>
#include <array>

namespace ferry::devices::virtio {

Result<std::unique_ptr<VirtioDevice>> VirtioRng::make(const DeviceContext& context) {
  if (context.entropy == nullptr) return Error{"-device virtio-rng-device: no source of randomness on this board"};
  return std::unique_ptr<VirtioDevice>(std::make_unique<VirtioRng>(*context.entropy));
}

u32 VirtioRng::serve(VirtQueue& queue, unsigned, const Chain& chain, u64) {
  constexpr u64 kMost = 4096;  // a driver asks again for more
  Cursor to(queue.memory(), chain.writable);
  std::array<u8, kMost> bytes;
  const usize size = static_cast<usize>(std::min(to.left(), kMost));
  if (size == 0) {
    queue.break_off("an entropy request without room");
    return 0;
  }
  source_.fill({bytes.data(), size});
  if (!to.write(bytes.data(), size)) {
    queue.break_off("an entropy request into what is not memory");
    return 0;
  }
  return static_cast<u32>(size);
}

}  // namespace ferry::devices::virtio
