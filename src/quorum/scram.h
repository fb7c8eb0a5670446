// SCRAM credentials as they are stored: what a server keeps instead of a password (RFC 5802). Plain values and
// functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/seams.h"
#include "protocol/messages/user_scram_credential_record.h"

namespace weir::quorum {

// The numbers are those of the wire.
enum class ScramMechanism : int8_t { kSha256 = 1, kSha512 = 2 };

inline constexpr int32_t kScramIterationsMin = 4096;
inline constexpr int32_t kScramIterationsMax = 16384;

struct StoredCredential {
  std::string user;
  ScramMechanism mechanism = ScramMechanism::kSha256;
  ByteVector salt;
  ByteVector stored_key;
  ByteVector server_key;
  int32_t iterations = 0;

  // A view of this credential.
  [[nodiscard]] protocol::UserScramCredentialRecord record() const;
};

// What is stored of a user's salted password. Of an empty one there is nothing to store: callers refuse it.
StoredCredential credential_of(std::string user, ScramMechanism mechanism, ByteView salt, ByteView salted_password,
                               int32_t iterations);

// "SCRAM-SHA-256=[name=alice,password=secret]", or with iterations, a salt (base64) or a saltedpassword (base64, needs
// the salt) instead of the password. kInvalidArgument says what is wrong.
Result<StoredCredential> parse_scram_argument(std::string_view argument, Random& random);

}  // namespace weir::quorum
