//! Glance: an image's record and its bytes.

use std::time::Duration;

use longhand_barbican::Service;
use longhand_barbican::http::{BlockingTransport, Endpoint, Request, Response, block_on};

use crate::cloud::{self, CloudConnection};
use crate::fault::Fault;
use crate::image::Image;
use crate::problem::Problem;
use crate::properties_file::{self, Properties};

/// How long the next bytes of an image may be on their way: a store that reads from tape or a distant object store is slow
/// to begin, not to go on.
const PATIENCE: Duration = Duration::from_secs(60);

/// The image service of a cloud.
#[derive(Debug)]
pub(crate) struct Glance {
    service: Service<BlockingTransport>,
}

impl Glance {
    pub(crate) fn of(cloud: &CloudConnection) -> Result<Self, Problem> {
        let service = cloud.image().map_err(|error| cloud::problem(&error))?;
        Ok(Self { service })
    }

    /// The image's properties, and what its record says of its bytes.
    pub(crate) fn properties(&self, id: &str) -> Result<Properties, Problem> {
        let what = format!("the record of the image {id} cannot be fetched");
        let deadline = self.service.client().start();
        let limit = usize::try_from(properties_file::MAX_PROPERTIES_FILE).unwrap_or(usize::MAX);
        let ask = |endpoint: &Endpoint| Request::get(url_of(endpoint, id, None)).max_body(limit);
        let answer =
            block_on(self.service.send(ask, &deadline)).map_err(|error| cloud::no_answer(&what, &error))?;
        if answer.status() != 200 {
            return Err(refusal(&what, &answer));
        }
        properties_file::read_bytes(answer.into_body(), &format!("the image service's record of {id}"))
    }

    /// The image's bytes, as they come.
    pub(crate) fn image(&self, id: &str) -> Result<Image, Problem> {
        let what = format!("the image {id} cannot be downloaded");
        let deadline = self.service.client().start();
        let failed = |error| cloud::no_answer(&what, &error);
        let endpoint = block_on(self.service.endpoint(&deadline)).map_err(failed)?;
        let request = Request::get(url_of(&endpoint, id, Some("file")));
        let request = block_on(self.service.sign(request, &deadline)).map_err(failed)?;
        let download = self.service.client().transport().open(&request, PATIENCE);
        let download = download.map_err(|error| cloud::broken(&what, &error))?;
        match download.status() {
            200 => Ok(Image::of_download(download)),
            204 => Err(Problem::fault(Fault::ImageNotFound, format!("{what}: it has no data yet"))),
            _ => Err(refusal(&what, &download.into_response())),
        }
    }
}

fn url_of(endpoint: &Endpoint, id: &str, rest: Option<&str>) -> longhand_barbican::http::Url {
    let base = endpoint.clone().without_last("v2");
    match rest {
        Some(rest) => base.url(&["v2", "images", id, rest]),
        None => base.url(&["v2", "images", id]),
    }
}

fn refusal(what: &str, answer: &Response) -> Problem {
    let fault = match answer.status() {
        404 => Fault::ImageNotFound,
        401 | 403 => Fault::CloudForbidden,
        _ => Fault::CloudUnavailable,
    };
    Problem::fault(fault, format!("{what}: {}", answer.refusal()))
}

/// Whether a text is an image's id: 8-4-4-4-12 hexadecimal digits. Names are not looked up: several images can have one.
pub(crate) fn image_id(text: &str) -> Result<String, &'static str> {
    let groups: Vec<_> = text.split('-').collect();
    let is_hex = groups.iter().all(|group| group.bytes().all(|octet| octet.is_ascii_hexdigit()));
    if is_hex && groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) {
        return Ok(text.to_owned());
    }
    Err("it must be an image's id, a UUID: names are not looked up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_is_a_uuid() {
        for (text, good) in [
            ("b3d1a5c2-0d11-4e0a-8a9c-0f8a4b7d2c10", true),
            ("B3D1A5C2-0D11-4E0A-8A9C-0F8A4B7D2C10", true),
            ("b3d1a5c20d114e0a8a9c0f8a4b7d2c10", false),
            ("cirros", false),
            ("../../v3/auth/tokens", false),
            ("b3d1a5c2-0d11-4e0a-8a9c-0f8a4b7d2c1g", false),
            ("", false),
        ] {
            assert_eq!(image_id(text).is_ok(), good, "{text}");
        }
    }
}
