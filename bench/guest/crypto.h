/* The forms of the crypto rows: with the processor's instructions, or portable. */
#ifndef FERRY_BENCH_GUEST_CRYPTO_H
#define FERRY_BENCH_GUEST_CRYPTO_H
#include <stdint.h>

typedef struct {
  const char* name;
  void (*aes)(const uint8_t keys[176], uint8_t* blocks, unsigned count); /* each block encrypted in place */
  void (*sha1)(uint32_t h[5], const uint8_t* data, unsigned blocks);     /* blocks of 64 bytes */
  void (*sha256)(uint32_t h[8], const uint8_t* data, unsigned blocks);
  uint32_t (*crc32c)(uint32_t crc, const uint8_t* data, unsigned size); /* size: a multiple of 8 */
  void (*fold)(uint64_t sum[2], const uint8_t* data,
               unsigned blocks); /* blocks of 16 bytes: sum = (sum ^ block) times crypto_fold, halves apart */
} crypto_forms;

extern const uint64_t crypto_fold[2];
extern const uint32_t crypto_k1[4];
extern uint32_t crypto_k256[64];
void crypto_expand_key(const uint8_t key[16], uint8_t keys[176]);
/* The forms by this processor's instructions, or null where it has not all of them. */
const crypto_forms* crypto_instructions(void);
#endif
