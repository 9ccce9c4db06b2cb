//! Random tokens and what the server signs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{Error, Repr};

/// Letters and digits that nobody confuses when copying a code: no 0 O, 1 I L, 2 Z, 5 S, 8 B.
const CODE: &[u8; 25] = b"34679ACDEFGHJKMNPQRTUVWXY";

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Repr::Random)?;
    Ok(bytes)
}

/// An unguessable name, of 192 bits, that fits an address.
pub(crate) fn token() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(random::<24>()?))
}

/// A completion code of 12 letters and digits, some 55 bits: for people to copy.
pub(crate) fn code() -> Result<String, Error> {
    let mut code = String::new();
    while code.len() < 12 {
        // 250 is the largest multiple of 25 in a byte, so every letter is as likely.
        code.extend(
            random::<16>()?.iter().filter(|b| **b < 250).map(|b| char::from(CODE[(b % 25) as usize])),
        );
    }
    code.truncate(12);
    Ok(code)
}

/// What a token is stored as: who reads the database cannot use its links.
pub(crate) fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// The server's key; what it has signed, it knows again.
#[derive(Clone)]
pub(crate) struct Secret(Vec<u8>);

impl Secret {
    /// A new one.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self(random::<32>()?.to_vec()))
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn mac(&self, purpose: &str, parts: &[u64]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        // The length keeps purposes and numbers apart.
        mac.update(&(purpose.len() as u64).to_le_bytes());
        mac.update(purpose.as_bytes());
        parts.iter().for_each(|p| mac.update(&p.to_le_bytes()));
        mac.finalize().into_bytes().into()
    }

    /// A signature of 128 bits, for an address or a form.
    pub(crate) fn sign(&self, purpose: &str, parts: &[u64]) -> String {
        URL_SAFE_NO_PAD.encode(&self.mac(purpose, parts)[..16])
    }

    /// Whether [`Secret::sign`] gave this, in a time that does not tell how nearly.
    pub(crate) fn signed(&self, purpose: &str, parts: &[u64], found: &str) -> bool {
        self.sign(purpose, parts).as_bytes().ct_eq(found.as_bytes()).into()
    }

    /// A number that follows from the key and these numbers.
    pub(crate) fn number(&self, purpose: &str, parts: &[u64]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.mac(purpose, parts);
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The administrator's password, and the name of the open link: both follow from the key.
    pub(crate) fn password(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(&self.mac(purpose, &[])[..24])
    }
}

/// Whether two texts are equal, in a time that does not tell how nearly.
pub(crate) fn equal(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::{CODE, Secret, code, token};

    #[test]
    fn signatures_hold_for_their_purpose_and_numbers_alone() {
        let secret = Secret::new().unwrap();
        let tag = secret.sign("answer", &[1, 2]);
        assert!(secret.signed("answer", &[1, 2], &tag));
        assert!(!secret.signed("answer", &[1, 3], &tag) && !secret.signed("image", &[1, 2], &tag));
        assert!(!secret.signed("answer", &[1, 2], &tag[1..]) && !secret.signed("answer", &[1, 2], ""));
        assert!(!Secret::new().unwrap().signed("answer", &[1, 2], &tag));
    }

    #[test]
    fn tokens_and_codes_are_long_and_differ() {
        let (a, b) = (token().unwrap(), token().unwrap());
        assert!(a != b && a.len() == 32);
        let code = code().unwrap();
        assert!(code.len() == 12 && code.bytes().all(|b| CODE.contains(&b)));
    }
}
