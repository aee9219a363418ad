/* How ferry and an oracle talk: one shared file of kOracleSharedBytes, mapped by both (descriptor 3 of the oracle), and
 * a byte in each direction. At its start the oracle writes kOracleHello (or kOracleHelloInexact) to stdout. Then ferry
 * fills in Request, the states and the windows, and writes kOracleGo to the oracle's stdin; the oracle runs every case,
 * leaves state and window as they are afterwards, and answers kOracleDone. End of file ends it.
 *
 * A case: the request's words stand at kOracleCode among BRKs; 8 KiB of memory at kOracleMemory are zero outside the
 * case's window. It ends behind the last word, at any other BRK, or at an exception, which the state's signal tells. C
 * and C++. */
#ifndef FERRY_VERIFY_ORACLE_PROTOCOL_H
#define FERRY_VERIFY_ORACLE_PROTOCOL_H
#include <stdint.h>

enum {
  kOracleVersion = 2,
  kOracleHello = 'F',
  kOracleHelloInexact = 'f', /* instead: its PC is not exact where an access faulted */
  kOracleGo = 'G',
  kOracleDone = 'D',
  kOracleMaxWords = 256,
  kOracleMaxStates = 1024,
  kOracleWindowOffset = 3072, /* where in the memory the window lies */
  kOracleWindowBytes = 2048,
  kOracleMemoryBytes = 8192,
  kOracleCodePage = 0x10000000,
  kOracleCode = 0x10000100,
  kOracleMemory = 0x20000000
};

/* OracleState.signal, with Linux' numbers */
enum { kOracleSigill = 4, kOracleSigtrap = 5, kOracleSigbus = 7, kOracleSigsegv = 11, kOracleSigalrm = 14 };

typedef struct {
  uint32_t version; /* the client's */
  uint32_t words;   /* 1 to kOracleMaxWords */
  uint32_t states;
  uint32_t memory; /* whether the windows count; without, memory is not looked at */
  uint32_t word[kOracleMaxWords];
} OracleRequest;

typedef struct {
  uint64_t x[31], sp, pc, far;
  uint32_t nzcv, fpcr, fpsr, signal; /* nzcv in bits 31:28 */
  uint64_t v[32][2];
} OracleState;

typedef struct {
  OracleRequest request;
  uint8_t unused[4096 - sizeof(OracleRequest)];
  OracleState state[kOracleMaxStates];
  uint8_t window[kOracleMaxStates][kOracleWindowBytes];
} OracleShared;
#endif
