//! Photographs protected from editors with random weights, which are as easily broken as trained ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_cpu::Cpu;
use moire_image::Picture;
use moire_protect::{ErrorKind, Protected, Protector, Settings};
use moire_tensor::SampleId;
use moire_zoo::{Attributes, Form, Network, find};

const SIZE: usize = 16;

fn editor(seed: u64) -> Network {
    find("stargan").unwrap().random(seed, &Form { size: [SIZE, SIZE], domains: 5 }).unwrap()
}

fn photograph(width: usize, height: usize) -> Picture {
    let value = |i: usize| (90 + (i * 7919 % 61) + i / width % 40) as u8;
    Picture::new(width, height, (0..width * height * 3).map(value).collect()).unwrap()
}

fn face() -> Attributes {
    "Male,Young,Black_Hair".parse().unwrap()
}

fn protect(device: &Cpu, attack: &str, networks: Vec<Network>) -> Protected {
    let settings = Settings { attack: attack.parse().unwrap(), ..Settings::default() };
    let mut protector = Protector::new(device, networks, None, settings).unwrap();
    protector.protect(&photograph(50, 40), &face(), SampleId(3)).unwrap()
}

#[test]
fn every_edit_of_every_editor_is_judged_on_the_eight_bits_that_are_saved() {
    let device = Cpu::new(2);
    let networks = || vec![editor(1), editor(2)];
    let noise = protect(&device, "urn", networks());
    let protected = protect(&device, "i_fgsm(steps=4,alpha=eps/2)", networks());
    assert_eq!((protected.edits.len(), protected.steps), (10, 4));
    for (edit, control) in protected.edits.iter().zip(&noise.edits) {
        assert_eq!((edit.editor, edit.domain), (control.editor, control.domain));
        assert!(edit.loss > 1.5 * control.loss, "{edit:?}, noise {control:?}");
    }
    let before = photograph(50, 40);
    assert_eq!((protected.picture.width(), protected.picture.height()), (50, 40));
    // 0.025 is 6.375 levels: a file can keep 6.
    let change = protected.picture.rgb().iter().zip(before.rgb()).map(|(a, b)| a.abs_diff(*b));
    assert_eq!(change.max(), Some(6));
    assert_eq!(
        protected,
        protect(&Cpu::new(1), "i_fgsm(steps=4,alpha=eps/2)", networks()),
        "on one thread too"
    );
}

#[test]
fn what_cannot_be_protected_says_why() {
    let device = Cpu::new(1);
    let kind = |networks| Protector::new(&device, networks, None, Settings::default()).err().unwrap().kind();
    assert_eq!(kind(vec![]), ErrorKind::Network);
    let detector = find("meso4").unwrap();
    assert_eq!(kind(vec![detector.random(0, &detector.form()).unwrap()]), ErrorKind::Network);

    let mut protector = Protector::new(&device, vec![editor(1)], None, Settings::default()).unwrap();
    let unknown = protector.protect(&photograph(40, 40), &Attributes::default(), SampleId(0)).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Attributes, "{unknown}");
    let settings = Settings { attack: "deepfool".parse().unwrap(), ..Settings::default() };
    let error = Protector::new(&device, vec![editor(1)], None, settings).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Settings, "{error}");
}
