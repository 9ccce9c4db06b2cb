//! Photographs protected from small editors with random weights.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use moire_attack::{Cmua, Combination, Strategy};
use moire_cpu::Cpu;
use moire_face::Framing;
use moire_graph::{Act, Builder, Conv2d};
use moire_image::{Picture, Transform};
use moire_protect::{ErrorKind, Protected, Protector, Saving, Settings, usual_framing};
use moire_tensor::{SampleId, Tensor};
use moire_testkit::seeded;
use moire_zoo::{Attribute, Attributes, Condition, Editing, Encoding, Network, Preprocess, Role, find};

const SIZE: usize = 16;

/// A small editor of the five edits of `StarGAN`'s, `rows` of them at a time. It looks at fine detail, which is most easily
/// broken and first lost, and at the colour of whole patches.
fn editor(seed: u64, rows: usize) -> (Network, Framing) {
    let attributes = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young"];
    let attributes: Vec<Attribute> = attributes.iter().map(|a| a.parse().unwrap()).collect();
    let preprocess = Preprocess::signed(SIZE);
    let mut b = Builder::new();
    let x = preprocess.input(&mut b).unwrap();
    let c = b.input("c", [rows, 5]).unwrap();
    let (fine, signs) = (seeded(&[3, 3, 7, 7], seed, "fine"), seeded(&[3, 3], seed, "coarse"));
    let first = Tensor::from_fn([6, 3, 7, 7], |i| match fine.data().get(i) {
        Some(v) => 0.6 * v,
        None => 0.1 * signs.data()[i / 49 - 9].signum(),
    });
    let conv = |b: &mut Builder, x, w: Tensor, padding: usize| {
        let w = b.literal(w);
        b.conv2d(x, w, None, Conv2d { padding: [padding; 2], ..Conv2d::default() }).unwrap()
    };
    let seen = conv(&mut b, x, first, 3);
    let w = b.literal(seeded(&[6, 5], seed, "condition"));
    let asked = b.linear(c, w, None).unwrap();
    let asked = b.reshape(asked, [rows, 6, 1, 1]).unwrap();
    let hidden = b.add(seen, asked).unwrap();
    let hidden = b.act(hidden, Act::Tanh).unwrap();
    let y = conv(&mut b, hidden, seeded(&[3, 6, 3, 3], seed, "second").map(|v| 0.3 * v), 1);
    let y = b.act(y, Act::Tanh).unwrap();
    let graph = b.finish([("y", y)]).unwrap();
    let condition = Some(Condition { encoding: Encoding::Target, attributes });
    let role = Role::Editor(Editing { condition, domains: rows });
    (Network { name: "small".to_owned(), graph, preprocess, role, crop: None }, Framing::StarGan)
}

fn photograph(width: usize, height: usize) -> Picture {
    let value = |i: usize| {
        let (x, y, c) = ((i / 3 % width) as f64, (i / 3 / width) as f64, i % 3);
        let wave = 40.0 * (x / (5.0 + c as f64)).sin() * (y / 7.0).cos();
        (110.0 + wave + (i * 7919 % 11) as f64) as u8
    };
    Picture::new(width, height, (0..width * height * 3).map(value).collect()).unwrap()
}

fn face() -> Attributes {
    "Male,Young,Black_Hair".parse().unwrap()
}

fn settings(attack: &str) -> Settings {
    Settings { attack: attack.parse().unwrap(), ..Settings::default() }
}

fn protect(device: &Cpu, settings: &Settings, photograph: &Picture) -> Protected {
    let mut protector = Protector::new(device, vec![editor(1, 5), editor(2, 5)], None).unwrap();
    protector.protect(photograph, &face(), SampleId(3), settings).unwrap()
}

/// The largest change of any value.
fn change(a: &Picture, b: &Picture) -> u8 {
    a.rgb().iter().zip(b.rgb()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn every_edit_of_every_editor_is_judged_on_the_eight_bits_that_are_saved() {
    let (device, photograph) = (Cpu::new(2), photograph(30, 28));
    let noise = protect(&device, &settings("urn"), &photograph);
    let settings = Settings { curve: true, ..settings("i_fgsm(steps=4,alpha=eps/2)") };
    let protected = protect(&device, &settings, &photograph);
    assert_eq!((protected.edits.len(), protected.steps), (10, 4));
    for (edit, control) in protected.edits.iter().zip(&noise.edits) {
        assert_eq!((edit.editor, edit.domain), (control.editor, control.domain));
        assert!(edit.loss > 1.5 * control.loss, "{edit:?}, noise {control:?}");
        assert_eq!(
            (edit.after.len(), edit.curve.len()),
            (2, 5),
            "two transforms; before each step and after the last"
        );
        let last = edit.curve[4];
        assert!(
            (last - edit.loss).abs() < 1e-3 * edit.loss,
            "the search saw {last}, the judge {}",
            edit.loss
        );
        assert!(edit.curve[0] < edit.curve[2] && edit.curve[0] < 0.01 * last, "{:?}", edit.curve);
    }
    // 0.025 is 6.375 levels: a file can keep 6.
    assert_eq!(change(&protected.picture, &photograph), 6);
    assert_eq!(protected.kept, protected.picture, "PNG is lossless");
    assert_eq!(protected, protect(&Cpu::new(1), &settings, &photograph), "on one thread too");
}

/// At eight pixels of the photograph for one of the editor's, squares of 4 x 4 change together.
#[test]
fn large_photographs_change_in_squares_within_the_same_budget() {
    let (device, photograph) = (Cpu::new(2), photograph(130, 128));
    let noise = protect(&device, &settings("urn"), &photograph);
    let protected = protect(&device, &settings("i_fgsm(steps=4,alpha=eps/2)"), &photograph);
    assert_eq!(change(&protected.picture, &photograph), 6);
    for (edit, control) in protected.edits.iter().zip(&noise.edits) {
        assert!(edit.loss > 3.0 * control.loss, "{edit:?}, noise {control:?}");
    }
    let moved = |x: usize, y: usize| {
        let at = 3 * (y * 130 + x);
        [0, 1, 2].map(|c| i16::from(protected.picture.rgb()[at + c]) - i16::from(photograph.rgb()[at + c]))
    };
    for (x, y) in [(0, 0), (40, 64), (124, 120)] {
        assert_eq!(moved(x, y), moved(x + 3, y + 3), "the square at ({x}, {y})");
    }
}

#[test]
fn robust_changes_survive_better_than_others() {
    let (device, photograph) = (Cpu::new(2), photograph(16, 16));
    let mean = |protected: &Protected, after: usize| {
        let sum: f32 = protected.edits.iter().map(|e| e.after[after]).sum();
        sum / protected.edits.len() as f32
    };
    let plain = settings("mi_fgsm(steps=24,alpha=eps/8)");
    let robust = Settings { robust: true, ..plain.clone() };
    let [plain, robust] = [plain, robust].map(|settings| protect(&device, &settings, &photograph));
    assert!(mean(&robust, 0) > 3.0 * mean(&plain, 0), "JPEG: {} to {}", mean(&robust, 0), mean(&plain, 0));
    assert!(mean(&robust, 1) > 3.0 * mean(&plain, 1), "half: {} to {}", mean(&robust, 1), mean(&plain, 1));
    assert!(change(&robust.picture, &photograph) <= 6);
}

#[test]
fn what_is_saved_as_jpeg_was_attacked_through_jpeg() {
    let (device, photograph) = (Cpu::new(2), photograph(16, 16));
    let jpeg = Settings { saving: Saving::Jpeg(80), ..settings("i_fgsm(steps=8,alpha=eps/4)") };
    let through = protect(&device, &jpeg, &photograph);
    assert_eq!(through.kept, Transform::Jpeg(80).apply(&through.picture).unwrap());
    // The same change crafted without regard to the file, and saved as one.
    let blind = protect(&device, &settings("i_fgsm(steps=8,alpha=eps/4)"), &photograph);
    let after = Settings { after: vec![Transform::Jpeg(80)], ..settings("i_fgsm(steps=8,alpha=eps/4)") };
    let blind_saved = protect(&device, &after, &photograph);
    assert_eq!(blind.picture, blind_saved.picture);
    let sum = |losses: Vec<f32>| losses.iter().sum::<f32>();
    let (seen, unseen) = (
        sum(through.edits.iter().map(|e| e.loss).collect()),
        sum(blind_saved.edits.iter().map(|e| e.after[0]).collect()),
    );
    assert!(seen > 3.0 * unseen, "{seen} through the encoder, {unseen} without");
}

#[test]
fn edits_one_at_a_time_serve_strategies_that_look_at_single_ones() {
    let (device, photograph) = (Cpu::new(2), photograph(16, 16));
    let protect = |domains: usize, combination: Combination| {
        let mut protector = Protector::new(&device, vec![editor(1, domains)], None).unwrap();
        let strategy = Strategy { domains: combination, ..Strategy::default() };
        let settings = Settings { strategy, ..settings("i_fgsm(steps=3)") };
        protector.protect(&photograph, &face(), SampleId(3), &settings).unwrap()
    };
    let (one, all) = (protect(1, Combination::Iterative), protect(5, Combination::Iterative));
    assert_eq!(one.edits.len(), 5);
    for (a, b) in one.edits.iter().zip(&all.edits) {
        assert_eq!((a.editor, a.domain), (b.editor, b.domain));
        assert!((a.loss - b.loss).abs() < 0.02 * b.loss, "{a:?}, {b:?}");
    }
}

#[test]
fn one_change_serves_many_photographs() {
    let device = Cpu::new(2);
    let mut protector = Protector::new(&device, vec![editor(1, 5), editor(2, 5)], None).unwrap();
    let photographs: Vec<Picture> = (0..4).map(|i| photograph(40 + i, 36 - i)).collect();
    let mut specimens = Vec::new();
    for (i, photograph) in photographs[..3].iter().enumerate() {
        specimens.extend(protector.specimens(photograph, &face(), SampleId(i as u64), SIZE).unwrap());
    }
    assert_eq!(specimens.len(), 3);
    let settings = settings("i_fgsm");
    let cmua = Cmua { steps: 12, batch: 2, ..Cmua::default() };
    let universal = protector.craft(&specimens, &cmua, &settings, |_| ()).unwrap();
    assert!(universal.whole && universal.change.iter().all(|v| v.abs() <= 6.0 / 255.0 + 1e-6));
    // A photograph that it was not crafted on.
    let laid = protector.lay(&universal, &photographs[3], &face(), &settings).unwrap();
    assert_eq!(laid.picture, universal.lay(&photographs[3], &[]).unwrap());
    assert!(change(&laid.picture, &photographs[3]) <= 6 && laid.steps == 0);
    let noise = protector
        .protect(
            &photographs[3],
            &face(),
            SampleId(3),
            &Settings { attack: "urn".parse().unwrap(), ..settings },
        )
        .unwrap();
    let sum = |p: &Protected| p.edits.iter().map(|e| e.loss).sum::<f32>();
    assert!(sum(&laid) > 1.3 * sum(&noise), "{}, noise {}", sum(&laid), sum(&noise));
}

#[test]
fn what_cannot_be_protected_says_why() {
    let device = Cpu::new(1);
    let kind = |networks| Protector::new(&device, networks, None).err().unwrap().kind();
    assert_eq!(kind(vec![]), ErrorKind::Network);
    let detector = find("meso4").unwrap();
    let detector = detector.random(0, &detector.form()).unwrap();
    assert_eq!(kind(vec![(detector, Framing::FaceForensics)]), ErrorKind::Network);

    let mut protector = Protector::new(&device, vec![editor(1, 5)], None).unwrap();
    let mut error = |attributes: &Attributes, settings: &Settings| {
        protector.protect(&photograph(40, 40), attributes, SampleId(0), settings).unwrap_err()
    };
    let unknown = error(&Attributes::default(), &Settings::default());
    assert_eq!(unknown.kind(), ErrorKind::Attributes, "{unknown}");
    let nothing = Settings { eps: moire_tensor::Eps::new(0.003).unwrap(), ..Settings::default() };
    for wrong in [
        settings("deepfool"),
        nothing,
        Settings { saving: Saving::Jpeg(0), ..Settings::default() },
        Settings { after: vec![Transform::Blur(-1.0)], ..Settings::default() },
    ] {
        let error = error(&face(), &wrong);
        assert!(matches!(error.kind(), ErrorKind::Settings | ErrorKind::Face), "{error}");
    }
    for text in ["jpeg", "jpeg(0)", "jpeg(101)", "gif", "png(3)"] {
        assert_eq!(text.parse::<Saving>().unwrap_err().kind(), ErrorKind::Settings);
    }
    assert_eq!("jpeg(92)".parse::<Saving>().unwrap().to_string(), "jpeg(92)");
}

#[test]
fn a_file_may_say_how_its_editor_is_shown_faces() {
    let (mut network, _) = editor(1, 1);
    assert_eq!(usual_framing(&network).unwrap(), Framing::FaceForensics);
    network.name = "attgan".to_owned();
    assert_eq!(usual_framing(&network).unwrap(), Framing::AttGan);
    network.crop = Some("celeba".to_owned());
    assert_eq!(usual_framing(&network).unwrap(), Framing::StarGan);
    network.crop = Some("round".to_owned());
    assert!(usual_framing(&network).unwrap_err().to_string().contains("round"));
}
