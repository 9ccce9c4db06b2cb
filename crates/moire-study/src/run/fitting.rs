use crate::error::{Error, Repr};
use crate::plan::Memory;

/// How many samples, at most `batch`, the programs of the network `name` can take at once within `limit`, where `bytes` says
/// what they hold for so many. What they compute does not depend on it.
///
/// # Errors
/// Not even one sample fits, or `bytes` fails.
pub fn fitting<E: From<Error>>(
    name: &str,
    batch: usize,
    limit: Option<Memory>,
    bytes: impl Fn(usize) -> Result<usize, E>,
) -> Result<usize, E> {
    let Some(limit) = limit else { return Ok(batch) };
    let bytes = |batch| bytes(batch).map(|bytes| bytes as u64);
    let one = bytes(1)?;
    if one > limit.0 {
        let needed = Memory(one);
        return Err(Error::from(Repr::Memory { name: name.to_owned(), needed, limit }).into());
    }
    if batch == 1 {
        return Ok(1);
    }
    // Weights do not grow with the batch, and nearly all else does evenly. What does not is found out.
    let more = (limit.0 - one).checked_div(bytes(2)?.saturating_sub(one));
    let more = more.and_then(|more| usize::try_from(more).ok());
    let mut fits = more.map_or(batch, |more| batch.min(more.saturating_add(1)));
    while fits > 1 && bytes(fits)? > limit.0 {
        fits -= 1;
    }
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use super::fitting;
    use crate::error::Error;
    use crate::plan::Memory;

    #[test]
    fn as_many_fit_as_the_limit_allows() {
        let even = |batch: usize| Ok::<_, Error>(100 + 10 * batch);
        let uneven = |batch: usize| Ok::<_, Error>(100 + 10 * batch + 50 * usize::from(batch > 3));
        let fit = |batch, limit| fitting("net", batch, Some(Memory(limit)), even).unwrap();
        assert_eq!((fit(8, 110), fit(8, 139), fit(8, 140), fit(8, 1000)), (1, 3, 4, 8));
        assert_eq!(fitting("net", 8, None, even).unwrap(), 8);
        assert_eq!(fitting("net", 8, Some(Memory(160)), uneven).unwrap(), 3);
        let flat = |_| Ok::<_, Error>(100);
        assert_eq!(fitting("net", 8, Some(Memory(100)), flat).unwrap(), 8);
        let said = fitting("net", 8, Some(Memory(109)), even).unwrap_err().to_string();
        assert!(said == "net: one image at a time needs 1MB, and the memory limit allows 1MB", "{said}");
    }
}
