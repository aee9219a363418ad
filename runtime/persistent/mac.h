// The checksums of the persistent code cache (format.h).
#pragma once
#include <sodium.h>

#include <cstring>

#include "runtime/persistent/format.h"

namespace ferry::runtime::persistent {

inline Mac mac_of(const std::array<u8, 16>& key, const void* bytes, usize size) {
  Mac mac;
  crypto_shorthash_siphashx24(mac.data(), static_cast<const u8*>(bytes), size, key.data());
  return mac;
}

}  // namespace ferry::runtime::persistent
